#include "http/http_port.hpp"

#include <utility>

#include "client/resolve.hpp"
#include "elves/assert.hpp"
#include "elves/log.hpp"
#include "elves/settings.hpp"
#include "http/connection.hpp"
#include "rpc/link.hpp"

namespace elves::http {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// Out of descriptors, say: trying again at once would only burn the processor.
constexpr std::chrono::milliseconds accept_pause{100};

} // namespace

HttpPort::HttpPort(
    LoopExecutor loop, LinkShared& shared, std::vector<HostPort> const& listen, Handler& handler)
    : loop_(std::move(loop)), shared_(shared), handler_(handler)
{
    for (auto const& place : listen) bind(place);
}

HttpPort::~HttpPort() { ELVES_ASSERT(connections_.empty(), "a connection outlives its port"); }

void HttpPort::bind(HostPort const& place)
{
    auto const refuse = [&](std::string const& why) {
        throw SettingsError("[http] listen: cannot listen on " + place.text() + ": " + why +
                            "; give an address of this machine and a port that is free");
    };
    auto const found = resolve_now(place.host, place.port);
    if (!found.fault.empty()) refuse(found.fault);
    std::string missing;
    std::size_t bound = 0;
    for (auto const& endpoint : found.places) {
        auto door = std::make_unique<Door>(Door{decltype(Door::acceptor)(loop_)});
        auto& acceptor = door->acceptor;
        error_code failure;
        acceptor.open(endpoint.protocol(), failure);
        if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
        if (!failure) acceptor.bind(endpoint, failure);
        if (!failure) acceptor.listen(tcp::acceptor::max_listen_connections, failure);
        if (failure) {
            missing = failure.message();
            continue;
        }
        ++bound;
        doors_.push_back(std::move(door));
    }
    // Of a name's addresses one may be missing here, as that of IPv6 where IPv6 is off.
    if (bound == 0) refuse(missing);
}

void HttpPort::start()
{
    for (auto const& door : doors_) accept(*door);
    for (auto const& place : listening()) ELVES_LOG(info, "http.listening on=" << place.text());
}

void HttpPort::accept(Door& door)
{
    door.acceptor.async_accept([this, &door](error_code const& failure, Socket socket) {
        if (failure == asio::error::operation_aborted || !door.acceptor.is_open()) return;
        if (failure) {
            if (shared_.log.admits("http.accept_failed", Ip()))
                ELVES_LOG(warning, "http.accept_failed: " << failure.message() << "; trying again in 100 ms");
            door.pausing = shared_.clock.after(accept_pause, [this, &door] { accept(door); });
            return;
        }
        take(std::move(socket));
        accept(door);
    });
}

void HttpPort::take(Socket socket)
{
    if (connections_.size() >= limits_.connections) {
        if (shared_.log.admits("http.refused", Ip()))
            ELVES_LOG(warning, "http.refused open=" << connections_.size()
                                                    << ": no more connections of the HTTP port at a time");
        return;
    }
    std::make_shared<Connection>(*this, std::move(socket))->start();
}

void HttpPort::stop()
{
    error_code ignored;
    for (auto const& door : doors_) {
        door->acceptor.close(ignored);
        door->pausing.stop();
    }
    auto const all = std::vector<Connection*>(connections_.begin(), connections_.end());
    for (auto* const connection : all) connection->shared_from_this()->stop();
}

std::vector<HostPort> HttpPort::listening() const
{
    std::vector<HostPort> places;
    for (auto const& door : doors_) {
        error_code ignored;
        auto const endpoint = door->acceptor.local_endpoint(ignored);
        places.push_back({endpoint.address().to_string(), endpoint.port()});
    }
    return places;
}

} // namespace elves::http
