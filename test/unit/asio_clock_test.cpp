#include "rpc/asio_clock.hpp"

#include <boost/asio/io_context.hpp>

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

// Delays here are a few milliseconds, and only their order is looked at.

TEST_CASE("the clock's timers fire on the loop in order, also one set before an armed one", "[clock]")
{
    asio::io_context io(1);
    AsioClock clock(io.get_executor());
    std::string fired;
    auto const late = clock.after(4ms, [&] { fired += 'l'; });
    auto const early = clock.after(1ms, [&] { fired += 'e'; });
    auto const now = clock.after(-1ms, [&] { fired += 'n'; });
    CHECK(fired.empty());
    io.run();
    CHECK(fired == "nel");
}

TEST_CASE("a timer that sets the next keeps the loop running until the last", "[clock]")
{
    asio::io_context io(1);
    AsioClock clock(io.get_executor());
    int turns = 0;
    Timer timer;
    std::function<void()> again = [&] {
        if (++turns < 5) timer = clock.after(0ms, again);
    };
    timer = clock.after(0ms, again);
    io.run();
    CHECK(turns == 5);
}

TEST_CASE("a stopped timer does not fire, and one that throws does not stop the others", "[clock]")
{
    asio::io_context io(1);
    AsioClock clock(io.get_executor());
    bool fired = false;
    auto stopped = clock.after(0ms, [] { FAIL("it was stopped"); });
    stopped.stop();
    auto const bad = clock.after(0ms, [] { throw std::runtime_error("from a timer"); });
    auto const good = clock.after(1ms, [&] { fired = true; });
    CHECK_THROWS_WITH(io.run(), "from a timer");
    io.run();
    CHECK(fired);
}

TEST_CASE("a clock may go with timers set, and with an alarm that has rung unseen", "[clock]")
{
    asio::io_context io(1);
    Timer timer;
    {
        AsioClock clock(io.get_executor());
        timer = clock.after(0ms, [] { FAIL("its clock is gone"); });
        auto const endless = clock.after(std::chrono::milliseconds::max(), [] {});
    }
    io.run();
    CHECK(timer.running());
}
