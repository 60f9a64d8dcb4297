#include "client/dial.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "client/connect_race.hpp"
#include "client/local_socket.hpp"
#include "client/resolve.hpp"
#include "elves/error.hpp"

namespace elves {

std::optional<HostPort> HostPort::parse(std::string_view text)
{
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    auto host = text.substr(0, colon);
    auto const digits = text.substr(colon + 1);
    if (host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt; // IPv6 needs its brackets: where would the port begin?
    }
    if (host.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
    HostPort to{std::string(host), 0};
    auto const [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), to.port);
    if (failure != std::errc() || end != digits.data() + digits.size() || host.empty()) return std::nullopt;
    return to;
}

std::string HostPort::text() const
{
    auto const shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return shown + ":" + std::to_string(port);
}

asio::awaitable<std::shared_ptr<Link>> dial(HostPort to, std::chrono::milliseconds limit, LinkShared& shared)
{
    auto const unreachable = [&](std::string const& why) {
        return Error(codes::agent_unreachable, "nobody answers at " + to.text() + ": " + why);
    };
    auto const until = shared.clock.steady() + limit;
    auto const resolved = co_await resolve(to.host, to.port, limit, shared.clock);
    if (!resolved.fault.empty()) throw unreachable(resolved.fault);
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - shared.clock.steady());
    auto const race = std::make_shared<ConnectRace>(co_await asio::this_coro::executor, shared.clock);
    auto won = co_await race->run(resolved.places, left);
    if (!won) throw unreachable(race->fault());
    auto link = std::make_shared<Link>(std::move(won->socket), won->remote, shared);
    co_await link->start_to(to.host, limit);
    co_return link;
}

asio::awaitable<LocalLink> dial_local(std::string path, LinkShared& shared)
{
    if (path.size() > max_socket_path)
        throw Error(codes::agent_unreachable, "the socket path " + path + " is too long: at most " +
                                                  std::to_string(max_socket_path) + " bytes");
    Link::Socket socket(co_await asio::this_coro::executor);
    boost::system::error_code failure;
    // Never waits: the kernel queues the connection, or refuses it.
    socket.connect(boost::asio::local::stream_protocol::endpoint(path), failure);
    if (failure == boost::system::errc::permission_denied)
        throw Error(codes::forbidden, "this user may not use the server's socket " + path +
                                          ": run this as root or as a member of [server] socket_group, or "
                                          "give --server HOST:PORT and a key");
    if (failure)
        throw Error(codes::agent_unreachable,
            "nobody answers at " + path + ": " + failure.message() + "; is elvesd running?");
    auto server = peer_credentials(socket.native_handle());
    auto link = std::make_shared<Link>(std::move(socket), Remote("unix:" + path, nullptr), shared);
    co_await link->start_to(std::move(path), std::chrono::milliseconds(0));
    co_return LocalLink{std::move(link), std::move(server)};
}

} // namespace elves
