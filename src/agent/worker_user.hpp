#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "elves/settings.hpp"

namespace elves::agent {

/// A user of this machine, as it was when the agent started.
struct WorkerUser {
    std::string name;
    std::string home;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; ///< All of them.

    [[nodiscard]] static std::optional<WorkerUser> named(std::string const& name);
    /// Whom this process runs as.
    [[nodiscard]] static WorkerUser own();
    [[nodiscard]] bool is_in(gid_t group) const;
};

/// Whom workers run as: `[run_as]`.
class RunAs {
public:
    /// Throws SettingsError: also where this process can't become that user.
    [[nodiscard]] static RunAs read(Section const& section);

    /// Null: as the agent itself.
    [[nodiscard]] WorkerUser const* user_of(std::string const& app) const;
    /// Nobody has said whom apps run as that are not named.
    [[nodiscard]] bool is_open() const noexcept { return !said_; }
    [[nodiscard]] std::vector<WorkerUser const*> others() const;

private:
    bool said_ = false;
    std::optional<WorkerUser> all_;                         ///< Nothing: the agent itself.
    std::map<std::string, std::optional<WorkerUser>> apps_; ///< Likewise.
};

/// May this process become other users, and end what runs as them? As root, or by CAP_SETUID, CAP_SETGID and
/// CAP_KILL.
[[nodiscard]] bool can_become_others();

} // namespace elves::agent
