#include "rpc/peer_credentials.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 // Linux 4.13; missing in older headers
#endif

namespace elves {

namespace {

/// Empty where the kernel does not report them.
std::vector<gid_t> supplementary_groups(int fd)
{
    std::vector<gid_t> groups(32);
    for (;;) {
        auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
            groups.resize(bytes / sizeof(gid_t));
            return groups;
        }
        bool const is_too_short = errno == ERANGE && bytes / sizeof(gid_t) > groups.size();
        if (!is_too_short) return {};
        groups.resize(bytes / sizeof(gid_t));
    }
}

} // namespace

bool PeerCredentials::is_in(gid_t group) const noexcept
{
    return gid == group || std::find(groups.begin(), groups.end(), group) != groups.end();
}

std::optional<PeerCredentials> peer_credentials(int fd)
{
    ucred found{};
    socklen_t size = sizeof found;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return std::nullopt;
    // The kernel reports uid and gid -1 where it has recorded nobody.
    if (found.uid == static_cast<uid_t>(-1)) return std::nullopt;
    return PeerCredentials{found.uid, found.gid, supplementary_groups(fd)};
}

} // namespace elves
