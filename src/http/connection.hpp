#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "elves/asio.hpp"

namespace elves::http {

class HttpPort;

/// One connection of the HTTP port: reads requests, one after the other, and writes their replies. What it
/// waits for keeps it alive; the port outlives it. On the loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, LoopExecutor>;

    Connection(HttpPort& port, Socket socket);
    ~Connection();
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    void start();
    /// Closes it: whatever is being read, written or answered comes to nothing.
    void stop();

private:
    struct Parts;
    [[nodiscard]] static asio::awaitable<void> run(std::shared_ptr<Connection> self);

    std::unique_ptr<Parts> parts_;
};

} // namespace elves::http
