#include "supervisor/wrong_tries.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Ip address(int n)
{
    return Ip::parse("10.0." + std::to_string(n / 256) + "." + std::to_string(n % 256)).value();
}

} // namespace

TEST_CASE("each wrong try of an address waits longer, up to two seconds", "[supervisor]")
{
    WrongTries tries;
    Clock::Steady const now{1h};
    std::vector<std::chrono::milliseconds> waits;
    for (int n = 0; n < 8; ++n) waits.push_back(tries.note(address(1), now).wait);
    CHECK(waits ==
          std::vector<std::chrono::milliseconds>{50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms});
    for (int n = 0; n < 100; ++n) CHECK(tries.note(address(1), now).wait == 2000ms);
}

TEST_CASE("wrong tries of one address don't slow another one's", "[supervisor]")
{
    WrongTries tries;
    Clock::Steady const now{1h};
    for (int n = 0; n < 8; ++n) (void)tries.note(address(1), now);
    CHECK(tries.note(address(2), now).wait == 50ms);
}

TEST_CASE("wrong tries are forgotten after a minute without one", "[supervisor]")
{
    WrongTries tries;
    Clock::Steady const now{1h};
    (void)tries.note(address(1), now);
    CHECK(tries.note(address(1), now + 60s).wait == 100ms);
    CHECK(tries.note(address(1), now + 121s).wait == 50ms);
}

TEST_CASE("the addresses that guessed last are remembered, and no more than the bound", "[supervisor]")
{
    WrongTries tries(3);
    Clock::Steady const now{1h};
    for (int n = 0; n < 3; ++n) (void)tries.note(address(n), now);
    (void)tries.note(address(0), now);
    (void)tries.note(address(3), now);
    CHECK(tries.addresses() == 3);
    CHECK(tries.note(address(0), now).wait == 200ms);
    CHECK(tries.note(address(1), now).wait == 50ms);
}

TEST_CASE(
    "the first ten wrong tries of an address are news, and then none until it has been quiet", "[supervisor]")
{
    WrongTries tries;
    Clock::Steady const now{1h};
    for (int n = 0; n < 10; ++n) CHECK(tries.note(address(1), now).is_news);
    CHECK_FALSE(tries.note(address(1), now + 60s).is_news);
    CHECK(tries.note(address(1), now + 121s).is_news);
}

TEST_CASE(
    "an IPv6 network of 64 bits is one guesser, its neighbours and IPv4 addresses are others", "[supervisor]")
{
    WrongTries tries(100);
    Clock::Steady const now{1h};
    auto const wait = [&](std::string_view text) { return tries.note(Ip::parse(text).value(), now).wait; };
    CHECK(wait("2001:db8:0:1::1") == 50ms);
    CHECK(wait("2001:db8:0:1::2") == 100ms);
    CHECK(wait("2001:db8:0:1:ffff:ffff:ffff:ffff") == 200ms);
    CHECK(wait("2001:db8:0:2::1") == 50ms);
    CHECK(wait("10.0.0.1") == 50ms);
    CHECK(wait("10.0.0.2") == 50ms);
    CHECK(wait("::ffff:10.0.0.2") == 100ms);
    CHECK(tries.addresses() == 4);
}

TEST_CASE("delayed answers are bounded for each address, and for all of them together", "[supervisor]")
{
    WrongTries tries;
    auto const one = Ip::parse("10.0.0.1").value();
    for (int n = 0; n < 32; ++n) CHECK(tries.begin_wait(one));
    CHECK_FALSE(tries.begin_wait(one));
    tries.end_wait(one);
    CHECK(tries.begin_wait(one));
    // All addresses of an IPv6 network of 64 bits are one.
    for (int n = 0; n < 32; ++n)
        CHECK(tries.begin_wait(Ip::parse("2001:db8::" + std::to_string(n + 1)).value()));
    CHECK_FALSE(tries.begin_wait(Ip::parse("2001:db8::ffff").value()));
    std::size_t others = 0;
    for (int n = 0; n < 100; ++n) {
        auto const other = Ip::parse("10.0.1." + std::to_string(n + 1)).value();
        while (tries.begin_wait(other)) ++others;
    }
    CHECK(tries.waiting() == 1'024);
    CHECK(others == 1'024 - 64);
}
