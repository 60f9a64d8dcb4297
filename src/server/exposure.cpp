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

} // namespace

std::vector<std::string> exposure(ServerSettings const& server, Instant now)
{
    std::vector<std::string> lines;
    if (server.tls) add_expiry(lines, server.tls->until() - now);
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

} // namespace elves
