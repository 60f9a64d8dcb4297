#include "server/local_admins.hpp"

#include <cerrno>
#include <cstring>
#include <vector>

#include <grp.h>
#include <unistd.h>

#include "elves/caller.hpp"
#include "elves/settings.hpp"

namespace elves {

namespace {

/// What the kernel reports in place of a user or group that has no number in this process's user namespace.
/// It may be anybody, so it is nobody.
constexpr uid_t unmapped = 65534;

std::optional<gid_t> group_of(std::string const& name)
{
    if (name.empty()) return std::nullopt;
    group entry{};
    group* found = nullptr;
    std::vector<char> memory(std::size_t{64} * 1024);
    int failure = ::getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found);
    while (failure == ERANGE && memory.size() < (std::size_t{16} << 20)) {
        memory.resize(memory.size() * 2); // a group of very many members
        failure = ::getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found);
    }
    if (failure != 0)
        throw SettingsError(
            "[server] socket_group: cannot look up group \"" + name + "\": " + std::strerror(failure));
    if (found == nullptr)
        throw SettingsError("[server] socket_group: there is no group \"" + name +
                            "\" on this machine; create it (groupadd), or leave the line out");
    return found->gr_gid;
}

std::shared_ptr<Key const> local_admin_key(uid_t uid)
{
    auto const user = "uid=" + std::to_string(uid);
    Key key;
    key.key = "unix:" + user;
    key.name = user;
    key.role = Role::admin;
    key.apps = {"*"};
    key.ips = {IpRange::parse("*").value()};
    return std::make_shared<Key const>(std::move(key));
}

} // namespace

LocalAdmins::LocalAdmins(std::string const& group_name) : group_(group_of(group_name)) {}

bool LocalAdmins::includes(PeerCredentials const& peer) const noexcept
{
    if (peer.uid == 0) return true;
    if (peer.uid == unmapped) return false;
    if (peer.uid == ::geteuid()) return true;
    return group_ && *group_ != unmapped && peer.is_in(*group_);
}

Remote LocalAdmins::remote(std::optional<PeerCredentials> const& peer) const
{
    if (!peer) return {"unix:uid=?", nullptr};
    auto name = "unix:uid=" + std::to_string(peer->uid);
    return {std::move(name), includes(*peer) ? local_admin_key(peer->uid) : nullptr};
}

} // namespace elves
