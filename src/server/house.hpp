#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "elves/services/key_issuer.hpp"
#include "server/server_settings.hpp"

namespace elves {

/// Puts the server together from its settings and runs it until SIGTERM or SIGINT. Throws std::exception with
/// one line that says what is wrong; nothing listens then.
void run_server(std::string const& config);

/// Everything but listening and serving: does it all fit together? Leaves the data file as it is.
void check_server(std::string const& config);

/// Makes a key with the role admin in the data file that the settings name.
[[nodiscard]] KeyIssuer::Issued init_admin(std::string const& config, std::string const& name);

} // namespace elves
