#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elves/clock.hpp"
#include "elves/services/authority.hpp"
#include "elves/settings.hpp"
#include "server/builtin_modules.hpp"

namespace elves {

struct ServerSettings;

/// The admin keys as the data file has them, without a server; leaves the file as it is. Nothing where
/// supervisor is off. A file that cannot be read is taken to have one: what is wrong with it is reported
/// elsewhere.
[[nodiscard]] std::optional<AdminKeys> admin_keys_in_file(Settings const& settings,
    ServerSettings const& server, std::vector<BuiltinModule> const& builtin, Clock& clock);

} // namespace elves
