#pragma once

#include "elves/json.hpp"
#include "elves/zone.hpp"
#include "task_records.hpp"

namespace elves {

/// A task as `gettaskbyids` and `listtasks` show it: strings all.
[[nodiscard]] json::object task_text(task_records::Row const& row, Zone const& zone);

} // namespace elves
