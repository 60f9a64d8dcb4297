#include "load/crew.hpp"

#include <netinet/in.h>
#include <stdexcept>

namespace elves::bench {

namespace {

/// Of 28,000: the system looks long for the last ones.
constexpr std::size_t ports_an_address = 10'000;

/// The port is chosen at `connect`, so that it may serve another address too.
using NoPort = boost::asio::detail::socket_option::boolean<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>;

} // namespace

Crew::Crew(boost::asio::io_context& io, Worker& worker, tcp::endpoint const& server, std::size_t size,
    std::size_t buffer)
    : worker_(worker)
{
    wires_.reserve(size);
    while (wires_.size() < size) hire(io, server, buffer);
}

void Crew::hire(boost::asio::io_context& io, tcp::endpoint const& server, std::size_t buffer)
{
    auto const number = wires_.size();
    tcp::socket socket(io);
    if (number >= ports_an_address) {
        auto const address = (127U << 24) + 1U + static_cast<std::uint32_t>(number / ports_an_address);
        socket.open(tcp::v4());
        socket.set_option(NoPort(true));
        socket.bind({boost::asio::ip::address_v4(address), 0});
    }
    socket.connect(server);
    worker_.greet(socket, number);
    auto wire = std::make_shared<Wire>(std::move(socket), buffer);
    wire->start(
        [this, &line = *wire](std::string_view bytes) {
            std::size_t used = 0;
            while (used < bytes.size()) {
                auto const size = worker_.take(bytes.substr(used), line.out());
                if (size == 0) break;
                used += size;
            }
            line.flush();
            return used;
        },
        [] { throw std::runtime_error("the server closed a worker's connection"); });
    wires_.push_back(std::move(wire));
}

void Crew::beat(std::size_t number)
{
    worker_.beat(wires_[number]->out());
    wires_[number]->flush();
}

} // namespace elves::bench
