#pragma once

#include <string>
#include <vector>

#include "server/server_settings.hpp"

namespace elves {

/// What of the settings lets in, or lets read along, whom an admin may not have meant, or soon lets nobody
/// in; a line each, none where all is tight. Said at start, on SIGHUP, by --check, and in `elves.stats`.
[[nodiscard]] std::vector<std::string> exposure(ServerSettings const& server, Instant now);

} // namespace elves
