#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <unordered_set>
#include <vector>

#include "client/dial.hpp"
#include "elves/asio.hpp"
#include "http/handler.hpp"

namespace elves::http {

class Connection;

/// What the port takes of others (docs/http.md, Limits).
struct Limits {
    std::size_t connections = 200;
    std::size_t header = 8 * 1024;        ///< Bytes.
    std::chrono::seconds header_time{10}; ///< For a whole header once it has begun, and for a TLS handshake.
    std::chrono::seconds idle{60};        ///< Between two requests, and for each piece of a body.
};

/// The HTTP port: accepts, and bounds how many are there. On the loop's thread.
class HttpPort {
public:
    /// Binds every place of `listen`; throws SettingsError that names the one that can't be had. `shared`
    /// has the certificate that counts now, and what all connections of both ports hold in memory.
    HttpPort(LoopExecutor loop, LinkShared& shared, std::vector<HostPort> const& listen, Handler& handler);
    ~HttpPort();

    void start();
    /// Accepts no more and closes all connections.
    void stop();
    /// Where it listens, with the real port where 0 was asked for.
    [[nodiscard]] std::vector<HostPort> listening() const;
    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

    [[nodiscard]] LinkShared& shared() const noexcept { return shared_; }
    [[nodiscard]] Handler& handler() const noexcept { return handler_; }
    [[nodiscard]] Limits const& limits() const noexcept { return limits_; }
    /// Requests that wait for their answer.
    [[nodiscard]] std::size_t inflight() const noexcept { return waiting_.size(); }

    // For its connections.
    void add(Connection& connection) { connections_.insert(&connection); }
    void add_waiting(Connection& connection) { waiting_.insert(&connection); }
    void remove_waiting(Connection& connection) { waiting_.erase(&connection); }
    void remove(Connection& connection)
    {
        connections_.erase(&connection);
        waiting_.erase(&connection);
    }

private:
    using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, LoopExecutor>;
    struct Door {
        boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, LoopExecutor> acceptor;
        Timer pausing{};
    };

    void bind(HostPort const& place);
    void accept(Door& door);
    void take(Socket socket);

    LoopExecutor loop_;
    LinkShared& shared_;
    Handler& handler_;
    Limits limits_;
    std::unordered_set<Connection*> connections_;
    std::unordered_set<Connection*> waiting_; ///< Those of them whose request is being answered.
    std::vector<std::unique_ptr<Door>> doors_;
};

} // namespace elves::http
