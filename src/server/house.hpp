#pragma once

#include <string>
#include <vector>

#include "elves/services/key_issuer.hpp"
#include "server/builtin_modules.hpp"

namespace elves {

/// Puts the server together from its settings and runs it until SIGTERM or SIGINT. Throws std::exception with
/// one line that says what is wrong; nothing listens then.
void run_server(std::string const& config, std::vector<BuiltinModule> const& builtin);

/// What --check finds.
struct Checked {
    std::vector<std::string> warnings;   ///< See exposure.hpp.
    std::vector<std::string> would_load; ///< The shared objects that a start would load.
    std::string in_use_by;               ///< Who has the data file open, `process 4711`; "" for nobody.
};
/// Says what a start would say, but for ports that are taken: settings, modules, log file, data file. Loads
/// no shared object, so that the settings of modules in them are not looked at. Throws std::exception with
/// one line that says what is wrong. Not in a process that has the data file open: closing any descriptor of
/// a file drops SQLite's locks on it.
[[nodiscard]] Checked check_server(std::string const& config, std::vector<BuiltinModule> const& builtin);

/// Makes a key with the role admin in the data file that the settings name.
[[nodiscard]] KeyIssuer::Issued init_admin(
    std::string const& config, std::string const& name, std::vector<BuiltinModule> const& builtin);

} // namespace elves
