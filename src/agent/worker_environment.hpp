#pragma once

#include <string>
#include <vector>

#include "agent/worker_user.hpp"
#include "elves/instruction.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// The absolute folders of our PATH; a relative one would be another place for each worker.
[[nodiscard]] std::string search_path();

/// All that a worker sees of an environment: PATH, LANG, TZ where we have one, HOME, USER and LOGNAME of whom
/// it runs as, ELVES_TASK_ID, ELVES_APP, ELVES_FUNC, ELVES_RESULT_FD.
[[nodiscard]] std::vector<std::string> worker_environment(
    std::string const& path, WorkerUser const& user, TaskId id, Instruction const& ins);

} // namespace elves::agent
