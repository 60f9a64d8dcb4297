#pragma once

#include "elves/json.hpp"
#include "elves/json_value.hpp"
#include "elves/task.hpp"
#include "elves/zone.hpp"

namespace elves {

/// Reads `worker_flag, worker_result, worker_costtime` and the rest of a result (docs/protocol.md, On the
/// agent's link). `zone`: of `agent_callback_time`. Throws Error 403.10 that names the field.
[[nodiscard]] WorkerReport read_report(JsonValue const& info, Zone const& zone);

/// Adds the fields of a result to `out`.
void write_report(json::object& out, WorkerReport const& report, Zone const& zone);

/// A time that a field carries: `YYYY-MM-DD HH:MM:SS` in `zone`, or milliseconds since 1970. Nothing for
/// anything else.
[[nodiscard]] std::optional<Instant> read_time(JsonValue const& value, Zone const& zone);
[[nodiscard]] std::optional<Instant> read_time(std::string_view text, Zone const& zone);

} // namespace elves
