#pragma once

#include <cstddef>

#include "elves/json.hpp"

namespace elves {

/// Cuts the longest texts of task records (`worker_message`, `param` and the like), so that all records
/// together take at most about `room` bytes as JSON. Small records stay whole. A record that was cut has
/// `truncated` `"true"`.
void fit_records(json::array& records, std::size_t room);

} // namespace elves
