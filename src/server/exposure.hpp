#pragma once

#include <string>
#include <vector>

#include "server/server_settings.hpp"

namespace elves {

/// What of the settings lets in, or lets read along, whom an admin may not have meant; a line each, none
/// where all is tight. Said at start, by --check, and in `elves.stats`.
[[nodiscard]] std::vector<std::string> exposure(ServerSettings const& server);

} // namespace elves
