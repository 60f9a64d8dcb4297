#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "elves/json.hpp"
#include "elves/zone.hpp"

namespace elves::ctl {

/// Names and values in two columns; a value may have several lines.
using Lines = std::vector<std::pair<std::string, std::string>>;

/// A reply of heartbeat.getinfobyip for a person: times with their age, hardware in lines. `zone`: the
/// server's, nothing where it is not known; `now` is for ages.
[[nodiscard]] Lines agent_lines(
    std::string const& ip, json::object const& reply, std::optional<Zone> const& zone, Instant now);
/// The hardware that an agent told of, in lines: `4 cores, AMD EPYC`; as it came where it is not the JSON
/// that agents of this project write.
[[nodiscard]] std::string hardware_text(std::string const& hw_config);

/// The replies of heartbeat.getonlinestat and elves.stats for a person: durations and sizes with units, each
/// warning in a line of its own.
[[nodiscard]] Lines stat_lines(json::object const& reply);

/// A task's record and what it printed, for a person: what is empty is left out.
[[nodiscard]] Lines task_lines(json::object const& record, std::optional<Zone> const& zone);

} // namespace elves::ctl
