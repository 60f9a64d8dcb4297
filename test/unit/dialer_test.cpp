#include "server/dialer.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "catch.hpp"
#include "elves/error.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

/// Does it end within a generous while of turns?
template <class Done>
bool turns_until(asio::io_context& loop, Done const& done)
{
    for (int turn = 0; turn < 5'000; ++turn) {
        if (done()) return true;
        loop.restart();
        loop.run_one_for(1ms);
    }
    return false;
}

} // namespace

TEST_CASE("a call that is not answered in time leaves no connection behind", "[dialer]")
{
    asio::io_context loop;
    ManualClock clock;
    LinkDialer dialer(clock);
    asio::basic_socket_acceptor<tcp, LoopExecutor> door(
        loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::optional<Code> said;
    auto call = dialer.call("127.0.0.1", door.local_endpoint().port(), "processor", "result", {}, 10s);
    asio::co_spawn(loop, std::move(call), [&](std::exception_ptr const& failure, Back const&) {
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (Error const& error) {
            said = error.code();
        }
    });
    door.non_blocking(true);
    Link::Socket other(loop);
    boost::system::error_code failure;
    auto const accepted = [&] {
        door.accept(other, failure);
        return !failure;
    };
    REQUIRE(turns_until(loop, accepted));
    other.non_blocking(true);
    std::array<char, 256> heard{};
    auto const read = [&] { return other.read_some(asio::buffer(heard), failure); };
    REQUIRE(turns_until(loop, [&] { return read() > 0; }));

    clock.advance(10s);
    CHECK(turns_until(loop, [&] { return said.has_value(); }));
    CHECK(said == codes::agent_silent);
    CHECK(turns_until(loop, [&] { return read() == 0 && failure == asio::error::eof; }));
}
