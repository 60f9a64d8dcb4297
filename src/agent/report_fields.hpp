#pragma once

#include "agent/journal.hpp"
#include "elves/json.hpp"
#include "elves/zone.hpp"

namespace elves::agent {

/// Cuts `result` and `stderr` so that a frame of 4 MiB, the server's default, holds the report with all that
/// goes beside it. JSON writes a control character as six.
void fit_a_frame(WorkerReport& report);

/// The fields of `tasklog.agentasynclog` for a task that is done: of one that the server sent, `id` and
/// `info`; of the agent's own, also what it was. An own one without a report is `running`.
[[nodiscard]] json::object report_fields(Entry const& entry, Zone const& zone);

} // namespace elves::agent
