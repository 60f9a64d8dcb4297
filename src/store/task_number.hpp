#pragma once

#include "elves/sql.hpp"

namespace elves {

/// Makes `task_number(text)` known to the SQL of this connection: the number of a task's id, as its key in
/// the data file has it; NULL of what is no id.
void define_task_number(Db& db);

} // namespace elves
