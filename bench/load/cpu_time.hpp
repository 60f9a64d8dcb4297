#pragma once

#include <chrono>
#include <sys/types.h>

namespace elves::bench {

/// Of a process, all its threads, since its start; steps of 10 ms. 0 for process 0 and one that is gone.
[[nodiscard]] std::chrono::duration<double> cpu_time_of(pid_t process);
/// Of this process.
[[nodiscard]] std::chrono::duration<double> own_cpu_time();

} // namespace elves::bench
