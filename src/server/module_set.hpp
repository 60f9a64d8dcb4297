#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "elves/module.hpp"
#include "rpc/router.hpp"
#include "server/builtin_modules.hpp"

namespace elves {

/// What is done with the shared objects of `[modules] path`.
enum class SharedObjects { load, name_only };

/// The modules of this server: made in order, built-in ones first, then those of `[modules] path`; stopped in
/// reverse.
class ModuleSet {
public:
    /// Makes every enabled module. Throws std::runtime_error (SettingsError for a name in `enabled` that
    /// there is no module for, or where others than root and this process's user could change the folder of
    /// `path`, a shared object in it, or what leads there) with what is wrong in one line.
    ModuleSet(Host& host, Settings const& settings, std::vector<BuiltinModule> const& builtin,
        std::vector<std::string> const& enabled, std::string const& path,
        SharedObjects objects = SharedObjects::load);
    ~ModuleSet();

    /// A module of the server's own, beside the others.
    void add(std::unique_ptr<Module> module);
    /// Gives each its section. Throws SettingsError.
    void configure(Settings const& settings);
    void declare(Router& router);
    void start();
    void stop();
    /// The shared objects that a start would have loaded, with SharedObjects::name_only.
    [[nodiscard]] std::vector<std::string> const& not_loaded() const noexcept { return not_loaded_; }
    /// Those of all modules, in their order.
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    void find_in(std::string const& folder, Host& host, Settings const& settings,
        std::vector<std::string> const& enabled, SharedObjects objects);
    void load(std::filesystem::path const& file, Host& host);
    void check_names(Settings const& settings, std::vector<std::string> const& enabled) const;

    std::vector<std::unique_ptr<MethodTable>> tables_;
    std::vector<std::unique_ptr<Module>> modules_;
    std::vector<std::string> disabled_;
    std::vector<std::string> not_loaded_; ///< Paths.
};

} // namespace elves
