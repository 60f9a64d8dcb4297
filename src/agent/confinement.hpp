#pragma once

#include <optional>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

#include "agent/worker_user.hpp"
#include "elves/settings.hpp"

namespace elves::agent {

/// What a worker is held in.
struct Confinement {
    using Resource = decltype(RLIMIT_CORE);
    struct Limit {
        Resource resource;
        rlimit most;
    };

    mode_t umask = 077;
    bool no_new_privs = true; ///< No program with the setuid bit gives it more rights: no sudo.
    std::vector<Limit> limits{{RLIMIT_CORE, {0, 0}}};
    std::optional<WorkerUser> user; ///< Nothing: the agent's own.

    /// All but the user: `[worker]` and `[limits]`. Throws SettingsError.
    [[nodiscard]] static Confinement read(Section const& worker, Section const& limits);
};

} // namespace elves::agent
