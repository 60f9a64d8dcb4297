#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "elves/json.hpp"
#include "elves/json_members.hpp"
#include "elves/json_value.hpp"

namespace elves {

/// `P`: the result also goes to the app's processor. The data file holds its number.
enum class Mode { np, p };

/// What an agent is to run: the `ins` of the protocol, checked.
struct Instruction {
    Mode mode = Mode::np;
    std::string app;                 ///< `[A-Za-z0-9_.-]{1,64}`, not beginning with `.` or `-`
    std::string func;                ///< likewise
    std::string param;               ///< At most 1 MiB.
    std::chrono::seconds timeout{0}; ///< 1 to 86,400; 0: not given, the server's default.
    std::string
        proxy; ///< "", `file` or `interpreter|file`; the file a relative path inside the app's folder.
    std::chrono::seconds ttl{0}; ///< How long the task may wait for an agent that is offline.
    std::string dedup;           ///< At most 64 characters.

    /// Throws Error 403.x that names the field, as `ins.app`.
    [[nodiscard]] static Instruction read(JsonValue const& ins);
    /// As it travels: strings all, `ttl` and `dedup` only where given.
    [[nodiscard]] json::object to_json() const;
    /// The same as text.
    [[nodiscard]] JsonMembers to_members() const;
    /// `app.func`
    [[nodiscard]] std::string name() const { return app + "." + func; }
};

/// Of its texts, as they stand in memory: what makes one large.
[[nodiscard]] std::size_t bytes_of(Instruction const& ins) noexcept;

/// `NP` or `P`.
[[nodiscard]] std::string_view mode_text(Mode mode) noexcept;

/// May an app or a function be called that? `[A-Za-z0-9_.-]{1,64}`, not beginning with `.`; nor with `-`, as
/// both become arguments of the worker, which might take them for options.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

} // namespace elves
