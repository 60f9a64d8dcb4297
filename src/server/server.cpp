#include "server/server.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>

#include "client/resolve.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "server/listen_overlap.hpp"

namespace elves {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds sweep_interval = 1s;
/// A handshake that was begun holds 40 KiB.
constexpr auto handshake_limit = 10s;
/// Out of descriptors, say: trying again at once would only burn the processor.
constexpr auto accept_pause = 100ms;
constexpr auto last_words = 50ms;
/// Connections over the Unix socket beyond [server] max_connections: this machine's admins get in however
/// many others are there.
constexpr std::size_t spare_for_local = 100;

tcp::endpoint tcp_endpoint(boost::asio::generic::stream_protocol::endpoint const& from)
{
    tcp::endpoint endpoint;
    endpoint.resize(from.size());
    std::memcpy(endpoint.data(), from.data(), from.size());
    return endpoint;
}

} // namespace

Server::Server(LoopExecutor loop, LinkShared& shared, ServerSettings const& settings)
    : loop_(std::move(loop))
    , shared_(shared)
    , local_group_(settings.socket_group)
    , local_admins_(settings.socket_group)
{
    set_limits(settings);
    for (auto const& place : settings.listen) bind(place);
    if (!settings.socket.empty()) bind_local(settings.socket);
}

void Server::configure(ServerSettings const& settings)
{
    allow_local(settings.socket_group);
    set_limits(settings);
}

void Server::set_limits(ServerSettings const& settings)
{
    max_connections_ = settings.max_connections;
    idle_timeout_ = settings.idle_timeout;
    shutdown_grace_ = settings.shutdown_grace;
}

/// With what this server listens on already; said here, as the system only knows that the port is taken.
void Server::refuse_overlap(HostPort const& place, tcp::endpoint const& endpoint) const
{
    auto const at = [](tcp::endpoint const& one) {
        return ListenPlace{Ip::parse(one.address().to_string()).value_or(Ip()), one.port()};
    };
    for (auto const& door : doors_) {
        if (door->file) continue;
        auto const own = tcp_endpoint(door->acceptor.local_endpoint());
        if (!is_overlapping(at(own), at(endpoint))) continue;
        HostPort const other{own.address().to_string(), own.port()};
        throw SettingsError("[server] listen: " + place.text() + " and " + other.text() +
                            " of the same list overlap: only one of them can listen; leave one out");
    }
}

/// Every address of a name. One that this machine lacks, as a name of IPv6 and IPv4 has where IPv6 is off, is
/// left out with a warning while there is another.
void Server::bind(HostPort const& place)
{
    auto const refuse = [&](std::string const& where, std::string const& why) {
        throw SettingsError("[server] listen: cannot listen on " + where + ": " + why +
                            "; give an address of this machine and a port that is free");
    };
    auto const found = resolve_now(place.host, place.port);
    if (!found.fault.empty()) refuse(place.text(), found.fault);
    std::size_t bound = 0;
    std::string missing;
    std::uint16_t port = place.port;
    for (auto endpoint : found.places) {
        endpoint.port(port); // Of port 0 the one that the first was given.
        HostPort const shown{endpoint.address().to_string(), endpoint.port()};
        refuse_overlap(place, endpoint);
        auto const failure = bind_one(endpoint);
        bool const is_missing = failure == boost::system::errc::address_not_available ||
                                failure == boost::system::errc::address_family_not_supported;
        if (!failure) {
            ++bound;
            port = tcp_endpoint(doors_.back()->acceptor.local_endpoint()).port();
        } else if (is_missing && found.places.size() > 1) {
            missing += (missing.empty() ? "" : ", ") + shown.text() + " (" + failure.message() + ")";
        } else {
            auto const where =
                found.places.size() == 1 ? place.text() : place.text() + " (" + shown.text() + ")";
            refuse(where, failure.message());
        }
    }
    if (bound == 0) refuse(place.text(), missing);
    if (!missing.empty())
        ELVES_LOG(warning, "server.listen_left_out listen=" << place.text() << ": " << missing);
}

error_code Server::bind_one(tcp::endpoint const& endpoint)
{
    error_code failure;
    auto door = std::make_unique<Door>(Door{Acceptor(loop_)});
    auto& acceptor = door->acceptor;
    acceptor.open(endpoint.protocol(), failure);
    if (!failure) acceptor.set_option(Acceptor::reuse_address(true), failure);
    if (!failure) acceptor.bind(endpoint, failure);
    if (!failure) acceptor.listen(4096, failure);
    if (!failure) doors_.push_back(std::move(door));
    return failure;
}

void Server::bind_local(std::string const& path)
{
    auto door = std::make_unique<Door>(Door{Acceptor(loop_)});
    error_code failure;
    door->acceptor.open(boost::asio::local::stream_protocol(), failure);
    if (!failure) {
        door->file =
            std::make_unique<SocketFile>(door->acceptor.native_handle(), path, local_admins_.group());
        door->acceptor.listen(4096, failure);
    }
    if (failure) throw SettingsError("[server] socket: cannot listen on " + path + ": " + failure.message());
    doors_.push_back(std::move(door));
}

/// Whoever was let in by the group before has to come again.
void Server::allow_local(std::string const& group)
{
    LocalAdmins const admins(group);
    if (group == local_group_ && admins.group() == local_admins_.group()) return;
    for (auto const& door : doors_) {
        if (door->file) door->file->allow(admins.group());
    }
    local_group_ = group;
    local_admins_ = admins;
    for (auto const& [number, link] : links_) {
        if (link->is_local()) link->close("[server] socket_group has changed");
    }
}

void Server::start()
{
    for (auto const& door : doors_) accept(*door);
    for (auto const& place : listening()) ELVES_LOG(info, "listening on " << place.text());
    for (auto const& door : doors_) {
        if (door->file) ELVES_LOG(info, "server.socket_listening path=" << door->file->path());
    }
    sweep();
}

void Server::accept(Door& door)
{
    door.acceptor.async_accept(door.from, [this, &door](error_code const& failure, Link::Socket socket) {
        if (failure == asio::error::operation_aborted || !door.acceptor.is_open()) return;
        if (failure) {
            if (shared_.log.admits("connection.accept_failed", Ip()))
                ELVES_LOG(
                    warning, "connection.accept_failed: " << failure.message() << "; trying again in 100 ms");
            door.pausing = shared_.clock.after(accept_pause, [this, &door] { accept(door); });
            return;
        }
        take(std::move(socket), door);
        accept(door);
    });
}

Remote Server::remote_of(Link::Socket& socket, Door const& door) const
{
    if (!door.file) return tcp_endpoint(door.from);
    return local_admins_.remote(peer_credentials(socket.native_handle()));
}

void Server::take(Link::Socket socket, Door const& door)
{
    auto remote = remote_of(socket, door);
    auto link = std::make_shared<Link>(std::move(socket), std::move(remote), shared_);
    auto const most = max_connections_ + (link->is_local() ? spare_for_local : 0);
    if (links_.size() >= most) {
        if (shared_.log.admits("connection.refused", link->ip()))
            ELVES_LOG(warning, "connection.refused peer=" << link->address() << " open=" << links_.size()
                                                          << ": [server] max_connections are open");
        link->refuse(Error(codes::too_much, "too many connections; try again later"));
        return;
    }
    auto const number = ++last_link_;
    links_.emplace(number, link);
    link->on_close([this, number] { links_.erase(number); });
    link->start();
}

/// Looks at a few connections in one turn of the loop, and at all once a second.
void Server::sweep()
{
    constexpr std::size_t links_of_turn = 512;
    auto at = links_.upper_bound(swept_to_);
    for (std::size_t i = 0; i < links_of_turn && at != links_.end(); ++i, ++at) {
        swept_to_ = at->first;
        look_at(*at->second);
    }
    bool const are_all = at == links_.end();
    if (are_all) swept_to_ = 0;
    sweeping_ = shared_.clock.after(are_all ? sweep_interval : 1ms, [this] { sweep(); });
}

void Server::look_at(Link& link) const
{
    auto const now = shared_.clock.steady();
    if (now - link.last_heard() > sweep_interval) link.give_back_memory();
    if (link.is_idle() && now - link.last_heard() > idle_timeout_)
        return link.close("idle for longer than [server] idle_timeout");
    if (link.is_shaking_hands() && now - link.opened() > handshake_limit)
        link.close("its TLS handshake takes too long");
}

void Server::stop(std::function<bool()> others, std::function<void()> no_more, std::function<void()> done)
{
    error_code ignored;
    for (auto const& door : doors_) {
        door->acceptor.close(ignored);
        door->file.reset();
    }
    sweeping_.stop();
    others_wait_ = std::move(others);
    no_more_ = std::move(no_more);
    done_ = std::move(done);
    wait_for_answers(shared_.clock.steady() + shutdown_grace_);
}

void Server::wait_for_answers(Clock::Steady until)
{
    auto const busy = others_wait_() || std::any_of(links_.begin(), links_.end(),
                                            [](auto const& each) { return each.second->inflight() > 0; });
    if (busy && shared_.clock.steady() < until) {
        stopping_ = shared_.clock.after(10ms, [this, until] { wait_for_answers(until); });
        return;
    }
    if (busy)
        ELVES_LOG(warning, "calls are still unanswered after [server] shutdown_grace; stopping all the same");
    no_more_();
    // A moment for the answers of those who gave up waiting.
    stopping_ = shared_.clock.after(last_words, [this] { close_all(); });
}

void Server::close_all()
{
    for (auto const& [number, link] : links_) link->close("the server is shutting down");
    // A moment for what is written to leave; who does not read it by then was closed anyway.
    stopping_ = shared_.clock.after(last_words, [this] { done_(); });
}

std::vector<HostPort> Server::listening() const
{
    std::vector<HostPort> places;
    for (auto const& door : doors_) {
        if (door->file) continue;
        auto const endpoint = tcp_endpoint(door->acceptor.local_endpoint());
        places.push_back({endpoint.address().to_string(), endpoint.port()});
    }
    return places;
}

} // namespace elves
