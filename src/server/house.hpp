#pragma once

#include <string>
#include <vector>

#include "elves/services/key_issuer.hpp"
#include "server/builtin_modules.hpp"

namespace elves {

/// Puts the server together from its settings and runs it until SIGTERM or SIGINT. Throws std::exception with
/// one line that says what is wrong; nothing listens then.
void run_server(std::string const& config, std::vector<BuiltinModule> const& builtin);

/// Do the settings and the modules fit together? Doesn't open the data file: a running server may ask. Throws
/// std::exception with one line that says what is wrong.
void check_settings(std::string const& config, std::vector<BuiltinModule> const& builtin);

/// The same, and looks whether the data file can be one; gives what they expose (exposure.hpp). Not in a
/// process that has it open: closing any descriptor of a file drops SQLite's locks on it.
[[nodiscard]] std::vector<std::string> check_server(
    std::string const& config, std::vector<BuiltinModule> const& builtin);

/// Makes a key with the role admin in the data file that the settings name.
[[nodiscard]] KeyIssuer::Issued init_admin(
    std::string const& config, std::string const& name, std::vector<BuiltinModule> const& builtin);

} // namespace elves
