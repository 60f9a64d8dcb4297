#pragma once

#include <sys/types.h>

#include "agent/confinement.hpp"

namespace elves::agent {

/// As many as the largest process number has.
inline constexpr int group_digits = 10;

/// All that the child needs, made ready before the fork: after it only async-signal-safe calls are allowed.
struct ChildPlan {
    char const* program;
    char const* folder;
    char* const* argv;
    char* const* environment;
    char* group; ///< Digits in `environment`, `group_digits` of them: becomes the worker's own number.
    int input;
    int output;
    int error_output;
    int result; ///< Becomes `result_fd`.
    int report; ///< Where a ChildFailure goes when it can't be done.
    int most_fds;
    pid_t parent;
    Confinement const* confinement;
};

/// How far it came.
enum class ChildStep : int { streams, limits, user, rights, folder, program };

struct ChildFailure {
    ChildStep step;
    int number; ///< errno
};

/// In the child, to its end.
[[noreturn]] void become_worker(ChildPlan const& plan) noexcept;

} // namespace elves::agent
