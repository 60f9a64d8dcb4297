#include "agent/backoff.hpp"

#include "catch.hpp"

using namespace std::chrono_literals;
using elves::agent::Backoff;

namespace {

/// The longest of so many waits.
std::chrono::milliseconds longest_of(Backoff& backoff, int waits)
{
    std::chrono::milliseconds longest{0};
    while (waits-- > 0) longest = std::max(longest, backoff.next());
    return longest;
}

} // namespace

TEST_CASE("an agent waits for longer before each try, up to half a minute", "[backoff]")
{
    Backoff backoff(1);
    CHECK(backoff.next() <= 500ms);
    auto const second = backoff.next();
    CHECK((second >= 500ms && second <= 1s));
    auto const longest = longest_of(backoff, 100);
    CHECK((longest > 15s && longest <= 30s));
}

TEST_CASE("an agent never waits for longer than its server lets it", "[backoff]")
{
    Backoff backoff(1);
    static_cast<void>(longest_of(backoff, 10));
    backoff.set_limit(10s);
    auto const longest = longest_of(backoff, 100);
    CHECK((longest > 5s && longest <= 10s));
    backoff.set_limit(0ms);
    CHECK(longest_of(backoff, 100) <= 500ms);
    backoff.set_limit(1h);
    CHECK(longest_of(backoff, 100) > 15s);
}
