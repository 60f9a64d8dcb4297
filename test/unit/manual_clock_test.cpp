#include "manual_clock.hpp"

#include <string>

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

TEST_CASE("a manual clock fires timers in the order in which they come due, at their own times", "[clock]")
{
    ManualClock clock;
    auto const start = clock.now();
    std::string fired;
    Timer again;
    auto const late = clock.after(3s, [&] { fired += "c"; });
    auto const early = clock.after(1s, [&] {
        fired += "a";
        CHECK(clock.now() == start + 1s);
        again = clock.after(1s, [&] { fired += "b"; });
    });
    auto stopped = clock.after(2s, [&] { fired += "x"; });
    CHECK(clock.waiting() == 3);
    stopped.stop();
    clock.advance(2999ms);
    CHECK(fired == "ab");
    clock.advance(1ms);
    CHECK(fired == "abc");
    CHECK(clock.now() == start + 3s);
    CHECK(clock.waiting() == 0);
}

TEST_CASE("the time of day jumps without its timers", "[clock]")
{
    ManualClock clock;
    bool fired = false;
    auto const timer = clock.after(1s, [&] { fired = true; });
    clock.jump(clock.now() + 24h);
    clock.advance(999ms);
    CHECK_FALSE(fired);
    clock.advance(1ms);
    CHECK(fired);
}
