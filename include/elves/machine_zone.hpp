#pragma once

#include <optional>
#include <string>

#include "elves/zone.hpp"

namespace elves {

/// Where a machine says its zone. A test has its own.
struct ZonePlaces {
    std::optional<std::string> variable;      ///< `TZ`; nothing: it is not set.
    std::string localtime = "/etc/localtime"; ///< A link into `zoneinfo`, or a copy of one of its files.
    std::string timezone = "/etc/timezone";   ///< Names the zone of such a copy.
    std::string zoneinfo = "/usr/share/zoneinfo";
};

/// A machine's zone, and what says so: `TZ`, or a file.
struct MachineZone {
    Zone zone;
    std::string source;
};

/// As the C library has it, so that log lines and cron rules agree: `TZ` counts before /etc/localtime, and a
/// machine with neither is in UTC. Throws std::runtime_error that says what to set where the zone has no
/// known name.
[[nodiscard]] MachineZone machine_zone();
[[nodiscard]] MachineZone machine_zone(ZonePlaces const& places);

} // namespace elves
