#pragma once

#include <cstddef>

#include "agent/journal.hpp"
#include "elves/json.hpp"
#include "elves/zone.hpp"

namespace elves::agent {

/// Cuts `result` and `stderr` so that a frame of `max_frame` bytes holds the report and `beside` bytes of
/// JSON beside it, and marks the report then. JSON writes a control character as six.
void fit_a_frame(WorkerReport& report, std::size_t max_frame, std::size_t beside = 0);

/// The fields of `tasklog.agentasynclog` for a task that is done, so that a frame of `max_frame` bytes holds
/// them: of one that the server sent, `id` and `info`; of the agent's own, also what it was. An own one
/// without a report is `running`.
[[nodiscard]] json::object report_fields(
    Entry const& entry, Zone const& zone, std::size_t max_frame = std::size_t{4} * 1024 * 1024);

} // namespace elves::agent
