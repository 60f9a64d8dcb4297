#include "agent/worker_user.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "elves/instruction.hpp"

namespace elves::agent {

namespace {

constexpr std::size_t longest_entry = std::size_t{64} * 1024;

std::vector<gid_t> groups_of(std::string const& name, gid_t gid)
{
    std::vector<gid_t> groups(64);
    for (;;) {
        auto count = static_cast<int>(groups.size());
        if (::getgrouplist(name.c_str(), gid, groups.data(), &count) >= 0) {
            groups.resize(static_cast<std::size_t>(count));
            return groups;
        }
        groups.resize(std::max(groups.size() * 2, static_cast<std::size_t>(count)));
    }
}

WorkerUser user_of_entry(passwd const& entry)
{
    WorkerUser user{entry.pw_name, entry.pw_dir, entry.pw_uid, entry.pw_gid, {}};
    user.groups = groups_of(user.name, user.gid);
    return user;
}

/// Nothing for the one that we are.
std::optional<WorkerUser> other_user(Section const& section, std::string_view key, std::string const& name)
{
    auto user = WorkerUser::named(name);
    if (!user)
        section.refuse(
            key, "this machine has no user \"" + name + "\"; make it (useradd --system), or name another");
    auto const own = WorkerUser::own();
    if (user->uid == own.uid) return std::nullopt;
    if (!can_become_others())
        section.refuse(
            key, "an agent that runs as " + own.name + " can't start apps as " + name +
                     "; start it as root or with the capabilities of the systemd unit, or leave this out");
    if (user->uid != 0 && user->is_in(own.gid))
        section.refuse(key, name + " is in the agent's own group, and could change what that may change; "
                                   "take him out of it, or name another user");
    return user;
}

} // namespace

std::optional<WorkerUser> WorkerUser::named(std::string const& name)
{
    std::vector<char> room(longest_entry);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
    if (found == nullptr) return std::nullopt;
    return user_of_entry(*found);
}

WorkerUser WorkerUser::own()
{
    std::vector<char> room(longest_entry);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found);
    if (found != nullptr) return user_of_entry(*found);
    return {std::to_string(::geteuid()), "/", ::geteuid(), ::getegid(), {::getegid()}};
}

bool WorkerUser::is_in(gid_t group) const
{
    return group == gid || std::find(groups.begin(), groups.end(), group) != groups.end();
}

RunAs RunAs::read(Section const& section)
{
    RunAs all;
    if (auto const name = section.text("user", ""); !name.empty()) {
        all.said_ = true;
        all.all_ = other_user(section, "user", name);
    }
    for (auto const& pair : section.list("apps", {})) {
        auto const colon = pair.find(':');
        auto const app = pair.substr(0, colon);
        if (colon == std::string::npos || colon + 1 == pair.size() || !is_name(app))
            section.refuse("apps", "\"" + pair + "\" is no APP:USER; give one such as backup:postgres");
        auto const [at, fresh] =
            all.apps_.try_emplace(app, other_user(section, "apps", pair.substr(colon + 1)));
        if (!fresh) section.refuse("apps", "the app \"" + app + "\" stands here twice; keep one of them");
    }
    return all;
}

WorkerUser const* RunAs::user_of(std::string const& app) const
{
    auto const own = apps_.find(app);
    auto const& user = own != apps_.end() ? own->second : all_;
    return user ? &*user : nullptr;
}

std::vector<WorkerUser const*> RunAs::others() const
{
    std::vector<WorkerUser const*> list;
    if (all_) list.push_back(&*all_);
    for (auto const& [app, user] : apps_) {
        if (user) list.push_back(&*user);
    }
    return list;
}

bool can_become_others()
{
    // The kernel's own call: libcap for one question would be much.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return ::geteuid() == 0;
    auto const has = [&](unsigned one) { return (sets.front().effective & (1U << one)) != 0; };
    return has(CAP_SETUID) && has(CAP_SETGID) && has(CAP_KILL);
}

} // namespace elves::agent
