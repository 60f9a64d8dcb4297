#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include <ifaddrs.h>
#include <netinet/in.h>

#include "client/dial.hpp"
#include "ctl/printable.hpp"
#include "ctl/put_not_empty.hpp"
#include "elves/ip.hpp"
#include "elves/secret.hpp"

namespace elves::ctl {

namespace {

/// This machine's, but loopback.
std::vector<Ip> own_addresses()
{
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return {};
    std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> const owner(list, &::freeifaddrs);
    std::vector<Ip> all;
    for (auto const* at = list; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr) continue;
        std::optional<Ip> ip;
        if (at->ifa_addr->sa_family == AF_INET) {
            auto const* const v4 = reinterpret_cast<sockaddr_in const*>(at->ifa_addr);
            std::array<std::uint8_t, 4> bytes{};
            std::memcpy(bytes.data(), &v4->sin_addr, bytes.size());
            ip = Ip::of_v4(bytes);
        } else if (at->ifa_addr->sa_family == AF_INET6) {
            auto const* const v6 = reinterpret_cast<sockaddr_in6 const*>(at->ifa_addr);
            std::array<std::uint8_t, 16> bytes{};
            std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
            ip = Ip::of_v6(bytes);
        }
        bool const is_link_local = ip && ip->text().starts_with("fe80:");
        if (ip && !ip->is_loopback() && !is_link_local) all.push_back(*ip);
    }
    return all;
}

/// Of a server on another machine; nothing where it is this one's.
std::optional<Ip> dialed_address(Destination const& server)
{
    auto const ip = server.socket.empty() ? Ip::parse(server.place.host) : std::nullopt;
    return ip && !ip->is_loopback() ? ip : std::nullopt;
}

/// Where machines of that range dial the server: an address of the range if there is one, else any that is
/// not loopback;
/// "" where it listens on loopback only.
std::string server_for(Context const& with, std::optional<IpRange> const& range)
{
    auto const stats = with.session.call("elves", "stats");
    auto const* const found = stats.at("stats").as_object().if_contains("listen");
    if (!found || !found->is_array()) return {};
    auto const dialed = dialed_address(with.session.server());
    std::vector<std::pair<Ip, std::uint16_t>> places;
    for (auto const& text : found->get_array()) {
        auto const place = HostPort::parse(std::string_view(text.as_string()));
        auto const ip = place ? Ip::parse(place->host) : std::nullopt;
        if (!ip || ip->is_loopback()) continue;
        bool const is_every = ip->text() == "0.0.0.0" || ip->text() == "::";
        if (!is_every) places.emplace_back(*ip, place->port);
        if (!is_every) continue;
        if (dialed) places.emplace_back(*dialed, with.session.server().place.port);
        for (auto const& own : dialed ? std::vector<Ip>() : own_addresses())
            places.emplace_back(own, place->port);
    }
    auto const within = std::find_if(places.begin(), places.end(),
        [&](auto const& place) { return range && range->contains(place.first); });
    auto const best = within != places.end() ? within : places.begin();
    return best == places.end() ? "" : HostPort{best->first.text(), best->second}.text();
}

/// What to type on the machine.
std::string join_line(Context const& with, json::object const& made)
{
    auto const server = server_for(with, IpRange::parse(with.args.text("--cidr")));
    auto const token = JoinTokenText::parse(plain_field(made, "token"));
    return "sudo elves-agent join " + (server.empty() ? "SERVER:7788" : server) +
           (token.pin.empty() ? "" : " --pin " + token.pin) + " --token " + token.secret;
}

Exit add(Context const& with)
{
    json::object token;
    put_not_empty(with.args, token, "name", "--name");
    put_not_empty(with.args, token, "cidr", "--cidr");
    put_not_empty(with.args, token, "lifetime", "--lifetime");
    auto reply = with.session.call("supervisor", "addjointoken", std::move(token));
    auto const line = join_line(with, reply);
    if (with.out.is_json()) {
        reply["join"] = line;
        with.out.document(reply);
        return Exit::well;
    }
    with.out.fields(reply);
    with.out.line("on the machine:");
    with.out.line(line);
    if (line.find(" SERVER:") != std::string::npos)
        with.out.note(
            "the server listens on loopback only: elvesctl listen ADDRESS; or give the name under which "
            "machines reach it in place of SERVER");
    with.out.note("keep the token: it is shown this once");
    with.out.note(reply.contains("pin")
                      ? "it carries the fingerprint of the server's certificate: an agent sends "
                        "it to no other server, and only over TLS"
                      : "the server has no TLS: an agent can't tell it from a false one");
    return Exit::well;
}

Exit list(Context const& with)
{
    auto const reply = with.session.call("supervisor", "listjointokens", {});
    with.out.rows(
        reply, rows_of(reply), {"id", "name", "cidr", "create_time", "expires", "used_time", "used_ip"});
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const id = with.args.text("ID");
    with.out.document(with.session.call("supervisor", "deljointoken", {{"id", id}}));
    with.out.line("deleted " + id);
    return Exit::well;
}

} // namespace

std::span<Command const> join_token_commands()
{
    static std::vector<Command> const all{
        {"add",
            "Make a join token, and show it, this once: for one machine, or with --cidr for all of a "
            "range.",
            {may("--name", "What it is for."),
                may("--cidr", "For all machines whose address is in this range, and that ask from there."),
                may("--lifetime", "Seconds for which it counts: 60 to 2592000 (86400).")},
            add},
        {"list", "List all join tokens, without what is secret.", {}, list},
        {"del", "Delete a join token; machines that it admitted stay.",
            {needs("ID", "The token's id.").of(Completes::join_token)}, erase},
    };
    return all;
}

} // namespace elves::ctl
