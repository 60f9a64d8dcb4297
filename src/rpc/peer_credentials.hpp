#pragma once

#include <optional>
#include <vector>

#include <sys/types.h>

namespace elves {

/// Who connected a Unix stream socket, or listens on it, as the kernel recorded it at that moment.
struct PeerCredentials {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups{}; ///< Supplementary groups.

    [[nodiscard]] bool is_in(gid_t group) const noexcept;
};

/// Reads the credentials of the other end of `fd`. Never blocks. Nothing where the socket has none.
[[nodiscard]] std::optional<PeerCredentials> peer_credentials(int fd);

} // namespace elves
