#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace elves::agent {

/// What an app's manifest says of one function.
struct AppFunction {
    enum class Params { none, text, json };

    std::string file;        ///< Relative to the app's folder.
    std::string interpreter; ///< "": the file runs by itself.
    Params params = Params::text;
    std::size_t max_bytes = std::size_t{1024} * 1024; ///< Of `ins.param`.
    bool needs_allow = false; ///< Runs only where `[agent] allow` names it (RunRules::is_named).

    /// Throws Error 403.2 where `param` is not what the function takes.
    void check_param(std::string const& param) const;
};

/// An app's `app.json`: its functions, and which file each of them runs. An app that has one runs nothing
/// else. Immutable; any thread.
class AppManifest {
public:
    static constexpr std::string_view file_name = "app.json";
    static constexpr std::size_t max_bytes = std::size_t{64} * 1024;
    static constexpr std::size_t max_functions = 256;

    /// The manifest in an app's folder (absolute, without links); nothing where it has none. The file is
    /// trusted as the app's other files are: only root and we ourselves may be able to change it. Throws
    /// Error 401.6 (who else could), or 403.3, which names file and field.
    [[nodiscard]] static std::optional<AppManifest> read(std::filesystem::path const& folder);
    /// `name`: the file's, for errors. Throws Error 403.3.
    [[nodiscard]] static AppManifest parse(std::string_view text, std::string const& name);

    /// Throws Error 403.7 that names the functions there are.
    [[nodiscard]] AppFunction const& function(std::string const& name) const;
    [[nodiscard]] std::size_t size() const noexcept { return functions_.size(); }

private:
    std::map<std::string, AppFunction, std::less<>> functions_;
};

} // namespace elves::agent
