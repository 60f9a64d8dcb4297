#include "heartbeat/address_contests.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

using How = AddressContests::How;

auto const agent = Ip::parse("10.0.0.1").value();
auto const one = std::string("10.0.0.7 (web-7)");
auto const other = std::string("10.0.0.8 (web-8)");
Clock::Steady const start{};

} // namespace

TEST_CASE("two machines that replace each other's link three times within a minute are named", "[heartbeat]")
{
    AddressContests contests;
    CHECK_FALSE(contests.note(agent, {How::replaced, other, one}, start));
    CHECK_FALSE(contests.note(agent, {How::replaced, one, other}, start + 20s));
    auto const line = contests.note(agent, {How::replaced, other, one}, start + 40s);
    REQUIRE(line);
    CHECK(line->starts_with("agent=10.0.0.1: "));
    CHECK(line->find(one) != std::string::npos);
    CHECK(line->find(other) != std::string::npos);
    CHECK(contests.lines(start + 41s) == std::vector{"agent.contested " + *line});
    // The log has it once a minute; the warning stays for five.
    CHECK_FALSE(contests.note(agent, {How::replaced, one, other}, start + 50s));
    CHECK_FALSE(contests.note(agent, {How::replaced, other, one}, start + 85s));
    CHECK(contests.note(agent, {How::replaced, other, one}, start + 101s));
    CHECK(contests.lines(start + 101s + 5min).size() == 1);
    CHECK(contests.lines(start + 102s + 5min).empty());
}

TEST_CASE("a machine that is refused again and again is named, too", "[heartbeat]")
{
    AddressContests contests;
    CHECK_FALSE(contests.note(agent, {How::refused, other, one}, start));
    CHECK_FALSE(contests.note(agent, {How::refused, other, one}, start + 70s));
    CHECK(contests.note(agent, {How::refused, other, one}, start + 140s));
}

TEST_CASE("a machine that reconnects, and an address that moves slowly, are not reported", "[heartbeat]")
{
    AddressContests contests;
    for (int i = 0; i < 20; ++i) CHECK_FALSE(contests.note(agent, {How::replaced, one, one}, start + i * 1s));
    for (int i = 0; i < 4; ++i) {
        CHECK_FALSE(contests.note(agent, {How::replaced, i % 2 == 0 ? one : other, i % 2 == 0 ? other : one},
            start + 100s + i * 40s));
    }
    CHECK(contests.lines(start + 300s).empty());
}
