#include "supervisor/ask_limit.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

TEST_CASE("one may ask so often a minute, and a network of IPv6 is one", "[joins]")
{
    AskLimit limit(2, 100);
    Clock::Steady const now{1h};
    auto const take = [&](std::string_view from, Clock::Steady when) {
        return limit.take(Ip::parse(from).value(), when);
    };
    CHECK(take("10.0.0.1", now));
    CHECK(take("10.0.0.1", now + 59s));
    CHECK_FALSE(take("10.0.0.1", now + 59s));
    CHECK(take("10.0.0.2", now + 59s));
    CHECK(take("2001:db8::1", now));
    CHECK(take("2001:db8::2", now));
    CHECK_FALSE(take("2001:db8::3", now));
    CHECK(take("2001:db8:0:1::3", now));
    CHECK(take("10.0.0.1", now + 60s));
}

TEST_CASE("all may ask so often a minute, and who is refused takes nobody's turn", "[joins]")
{
    AskLimit limit(2, 3);
    Clock::Steady const now{1h};
    auto const take = [&](std::string_view from) { return limit.take(Ip::parse(from).value(), now); };
    CHECK(take("10.0.0.1"));
    CHECK(take("10.0.0.1"));
    for (int n = 0; n < 10; ++n) CHECK_FALSE(take("10.0.0.1"));
    CHECK(take("10.0.0.2"));
    CHECK_FALSE(take("10.0.0.3"));
    CHECK(limit.take(Ip::parse("10.0.0.3").value(), now + 60s));
}
