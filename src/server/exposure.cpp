#include "server/exposure.hpp"

#include <algorithm>

namespace elves {

namespace {

constexpr std::chrono::days soon(30);

bool is_beyond_loopback(HostPort const& place)
{
    auto const ip = Ip::parse(place.host);
    return ip ? !ip->is_loopback() : place.host != "localhost";
}

void add_expiry(std::vector<std::string>& lines, std::chrono::milliseconds left)
{
    if (left.count() <= 0) {
        lines.emplace_back("[tls] cert has expired: those who check it no longer connect");
    } else if (left < soon) {
        auto const days = std::chrono::duration_cast<std::chrono::days>(left).count();
        lines.push_back("[tls] cert expires in " + std::to_string(days) + " days");
    }
}

void add_authority(std::vector<std::string>& lines, AuthMode mode, std::optional<AdminKeys> admins)
{
    if (mode == AuthMode::open) return;
    if (!admins) {
        if (mode == AuthMode::protected_)
            lines.emplace_back(
                "[auth] mode is protected and the module supervisor, which has the keys, is off: any "
                "local user can administer this server over loopback; enable supervisor");
    } else if (admins->count == 0 && mode == AuthMode::protected_ && !admins->has_had) {
        lines.emplace_back(
            "no admin key exists: any local user can administer this server over loopback; make one "
            "with elvesd --init-admin or elvesctl key add --role admin");
    } else if (admins->count == 0) {
        lines.emplace_back(
            "no admin key counts: nobody can administer this server over TCP; make one over its Unix "
            "socket ([server] socket), or stop it and run elvesd --init-admin");
    }
}

} // namespace

std::vector<std::string> exposure(ServerSettings const& server, Instant now, std::optional<AdminKeys> admins)
{
    std::vector<std::string> lines;
    if (server.tls) add_expiry(lines, server.tls->until() - now);
    add_authority(lines, server.auth, admins);
    if (std::none_of(server.listen.begin(), server.listen.end(), is_beyond_loopback)) return lines;
    if (server.auth == AuthMode::open)
        lines.emplace_back(
            "[auth] mode is open: anyone who reaches the port may run anything on every agent");
    if (!server.tls)
        lines.emplace_back(
            "[server] listen is beyond loopback and [tls] cert is not set: keys, tasks and results "
            "can be read and changed on their way; elvesctl tls init makes certificates");
    else if (server.plain_from == PlainFrom::everywhere)
        lines.emplace_back(
            "[tls] plain is everywhere: whoever does not ask for TLS sends his key in plain text");
    return lines;
}

std::vector<std::string> exposure(ServerSettings const& server, Instant now, Authority const* authority)
{
    return exposure(server, now, authority ? std::optional(authority->admin_keys()) : std::nullopt);
}

} // namespace elves
