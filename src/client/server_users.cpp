#include "client/server_users.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <pwd.h>
#include <unistd.h>

#include "client/local_socket.hpp"

namespace elves {

namespace {

/// What the kernel reports in place of a user who has no number in this process's user namespace: it may be
/// anybody.
constexpr uid_t unmapped = 65534;

std::string neither(uid_t uid)
{
    return "uid " + std::to_string(uid) + " listens there, who is neither root nor you";
}

} // namespace

ServerUsers::ServerUsers(std::optional<uid_t> named) : users_{0}
{
    if (auto const own = ::geteuid(); own != unmapped) users_.push_back(own);
    if (auto const owner = sole_owner(packaged_socket_folder); owner && *owner != unmapped)
        users_.push_back(*owner);
    if (named) users_.push_back(*named);
}

bool ServerUsers::include(uid_t uid) const noexcept
{
    return std::find(users_.begin(), users_.end(), uid) != users_.end();
}

std::optional<std::string> ServerUsers::fault_of_socket(
    std::string const& path, std::optional<PeerCredentials> const& server) const
{
    if (!server) return "the system does not say who listens there";
    if (include(server->uid)) return std::nullopt;
    bool const owns_folder =
        server->uid != unmapped && sole_owner(std::filesystem::path(path).parent_path()) == server->uid;
    if (owns_folder) return std::nullopt;
    return neither(server->uid) + ", nor the owner of the socket's folder";
}

std::optional<std::string> ServerUsers::fault_of_loopback(
    Ip const& ip, std::uint16_t port, std::vector<TcpListener> const& before) const
{
    auto const now = reached_by(ip, tcp_listeners(port));
    if (now.empty()) return "the system does not say who listens there";
    for (auto const& one : now) {
        if (!include(one.uid)) return neither(one.uid);
        if (std::find(before.begin(), before.end(), one) == before.end())
            return "another process has begun to listen there just now; try again";
    }
    return std::nullopt;
}

std::optional<uid_t> uid_of(std::string const& user)
{
    uid_t number = 0;
    auto const* const end = user.data() + user.size();
    auto const [rest, failure] = std::from_chars(user.data(), end, number);
    if (failure == std::errc() && rest == end) return number;
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> memory(std::size_t{64} * 1024);
    ::getpwnam_r(user.c_str(), &entry, memory.data(), memory.size(), &found);
    return found == nullptr ? std::nullopt : std::optional(found->pw_uid);
}

} // namespace elves
