#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rpc/peer_credentials.hpp"
#include "rpc/remote.hpp"

namespace elves {

/// Decides which users of this machine are administrators on the server's Unix socket: root, the user who
/// runs the server, and members of one group.
class LocalAdmins {
public:
    /// Looks the group up; `""` for none. May block: at the start and on SIGHUP only. Throws SettingsError
    /// where there is no such group.
    explicit LocalAdmins(std::string const& group_name);

    [[nodiscard]] std::optional<gid_t> group() const noexcept { return group_; }
    [[nodiscard]] bool includes(PeerCredentials const& peer) const noexcept;
    /// The other end of an accepted Unix connection: an administrator has an admin key for everything, whose
    /// id is `unix:uid=UID`. Anybody else has none.
    [[nodiscard]] Remote remote(std::optional<PeerCredentials> const& peer) const;

private:
    std::optional<gid_t> group_;
};

} // namespace elves
