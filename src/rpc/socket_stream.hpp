#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>
#include <utility>

#include "elves/asio.hpp"
#include "rpc/byte_stream.hpp"
#include "rpc/ip_of.hpp"

namespace elves {

/// A TCP or Unix socket.
class SocketStream final : public ByteStream {
public:
    using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, LoopExecutor>;

    /// `socket` is connected. `is_tcp`: small writes leave at once.
    SocketStream(Socket socket, bool is_tcp) : socket_(std::move(socket))
    {
        Failure ignored;
        socket_.non_blocking(true, ignored);
        if (is_tcp) socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    }

    void wait_readable(std::shared_ptr<User> user) override
    {
        socket_.async_wait(Socket::wait_read,
            [user = std::move(user)](Failure const& failure) { user->on_readable(failure); });
    }
    void wait_writable(std::shared_ptr<User> user) override
    {
        socket_.async_wait(Socket::wait_write,
            [user = std::move(user)](Failure const& failure) { user->on_writable(failure); });
    }
    [[nodiscard]] std::size_t read_some(std::span<char> buffer, Failure& failure) override
    {
        return socket_.read_some(boost::asio::buffer(buffer.data(), buffer.size()), failure);
    }
    [[nodiscard]] std::size_t write_some(std::string_view bytes, Failure& failure) override
    {
        return socket_.write_some(boost::asio::buffer(bytes), failure);
    }
    void close() noexcept override
    {
        Failure ignored;
        socket_.shutdown(Socket::shutdown_both, ignored);
        socket_.close(ignored);
    }

    [[nodiscard]] std::optional<Ip> local_ip() const override
    {
        Failure failure;
        auto const local = socket_.local_endpoint(failure);
        auto const family = local.protocol().family();
        if (failure || (family != AF_INET && family != AF_INET6)) return std::nullopt;
        boost::asio::ip::tcp::endpoint endpoint;
        std::memcpy(endpoint.data(), local.data(), local.size());
        endpoint.resize(local.size());
        return ip_of(endpoint.address());
    }

private:
    Socket socket_;
};

} // namespace elves
