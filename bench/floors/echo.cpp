#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <iostream>
#include <memory>

#include "floors/floors.hpp"
#include "floors/listen.hpp"

namespace elves::bench {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class EchoSession : public std::enable_shared_from_this<EchoSession> {
public:
    explicit EchoSession(tcp::socket socket) : socket_(std::move(socket))
    {
        socket_.set_option(tcp::no_delay(true));
    }

    void read()
    {
        socket_.async_read_some(
            asio::buffer(bytes_), [self = shared_from_this()](error_code const& failure, std::size_t size) {
                if (!failure) self->write(size);
            });
    }

private:
    void write(std::size_t size)
    {
        asio::async_write(socket_, asio::buffer(bytes_, size),
            [self = shared_from_this()](error_code const& failure, std::size_t) {
                if (!failure) self->read();
            });
    }

    tcp::socket socket_;
    std::array<char, 4096> bytes_;
};

} // namespace

void serve_echo()
{
    asio::io_context io(1);
    Listener const listener(
        io, [](tcp::socket socket) { std::make_shared<EchoSession>(std::move(socket))->read(); });
    std::cout << "listening on " << listener.address() << std::endl;
    io.run();
}

} // namespace elves::bench
