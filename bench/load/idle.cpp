#include "load/idle.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <iostream>
#include <unistd.h>

#include "load/crew.hpp"

namespace elves::bench {

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// Beats are spread evenly: some at each tick.
class Beats {
public:
    Beats(asio::io_context& io, Crew& crew, std::chrono::seconds every)
        : timer_(io), crew_(crew), every_(every), begun_(Clock::now())
    {
    }

    void go_on()
    {
        std::chrono::duration<double> const since = Clock::now() - begun_;
        auto const due = static_cast<std::uint64_t>(since / every_ * static_cast<double>(crew_.size()));
        for (; beaten_ < due; ++beaten_) crew_.beat(beaten_ % crew_.size());
        timer_.expires_after(std::chrono::milliseconds(10));
        timer_.async_wait([this](auto const& failure) {
            if (!failure) go_on();
        });
    }

private:
    asio::steady_timer timer_;
    Crew& crew_;
    std::chrono::duration<double> every_;
    Clock::time_point begun_;
    std::uint64_t beaten_ = 0;
};

} // namespace

void hold_idle(Worker& worker, tcp::endpoint const& server, std::size_t size, std::chrono::seconds beat)
{
    asio::io_context io(1);
    auto const begun = Clock::now();
    Crew crew(io, worker, server, size, 512);
    std::cout << "ready " << std::chrono::duration<double>(Clock::now() - begun).count() << std::endl;
    Beats beats(io, crew, beat);
    if (beat.count() > 0) beats.go_on();
    asio::posix::stream_descriptor input(io, ::dup(STDIN_FILENO));
    std::array<char, 1> byte{};
    input.async_read_some(asio::buffer(byte), [&](auto const&, std::size_t) { io.stop(); });
    io.run();
}

} // namespace elves::bench
