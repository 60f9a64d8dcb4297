#pragma once

#include <cstddef>
#include <vector>

#include "elves/task_id.hpp"

namespace elves::agent {

/// In each worker's environment, set by the worker itself: the number of its session and process group.
/// Together with `ELVES_TASK_ID`, which is random, it proves for which task a process was started.
inline constexpr char const* worker_group_name = "ELVES_WORKER_GROUP";

/// Kills what workers of these tasks left running when the agent was killed: the kernel ends a worker's
/// leader with the agent, but not the processes that it started. Only a process whose own environment names
/// one of the tasks, and that is still in that worker's session, is killed, and with it its process group: a
/// number that was given to another process since is never signaled, nor what made itself a session of its
/// own. Blocks for some milliseconds; at start only. Returns how many processes were found.
std::size_t kill_leftover_groups(std::vector<TaskId> const& tasks);

} // namespace elves::agent
