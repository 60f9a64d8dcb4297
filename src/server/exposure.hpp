#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elves/services/authority.hpp"
#include "server/server_settings.hpp"

namespace elves {

/// What of the settings and keys lets in, or lets read along, whom an admin may not have meant, or lets
/// nobody in, now or soon; a line each, none where all is tight. Said at start, on SIGHUP, by --check, and in
/// `elves.stats`. `admins`: nothing where there are no keys, because supervisor is off.
[[nodiscard]] std::vector<std::string> exposure(
    ServerSettings const& server, Instant now, std::optional<AdminKeys> admins);
/// Of the running server; `authority` may be null.
[[nodiscard]] std::vector<std::string> exposure(
    ServerSettings const& server, Instant now, Authority const* authority);

} // namespace elves
