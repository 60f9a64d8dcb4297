#include "heartbeat/online_history.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Instant at(std::chrono::milliseconds since) { return Instant(1'767'225'600'000ms) + since; }

} // namespace

TEST_CASE("a minute is noted once, and the next one is due when it begins", "[history]")
{
    OnlineHistory history;
    CHECK(history.is_due(at(10s)));
    CHECK(history.add(at(10s), 3, 5) == OnlineCount{at(0s), 3, 5});
    CHECK_FALSE(history.is_due(at(59s)));
    CHECK(history.is_due(at(60s)));
}

TEST_CASE("of a group of minutes the fewest that were online are shown", "[history]")
{
    OnlineHistory history;
    history.add(at(0min), 9, 10);
    history.add(at(1min), 2, 10);
    history.add(at(4min), 8, 11);
    history.add(at(5min), 7, 11);
    auto const groups = history.grouped(at(6min), 5min);
    REQUIRE(groups.size() == 2);
    CHECK(groups[0] == OnlineCount{at(0min), 2, 11});
    CHECK(groups[1] == OnlineCount{at(5min), 7, 11});
}

TEST_CASE("what is older than a day is forgotten, and a gap stays one", "[history]")
{
    OnlineHistory history;
    history.load({{at(0min), 1, 1}, {at(1min), 1, 1}});
    history.add(at(24h + 30s), 4, 4);
    auto const minutes = history.grouped(at(24h + 30s), 1min);
    REQUIRE(minutes.size() == 2);
    CHECK(minutes[0].at == at(1min));
    CHECK(minutes[1].at == at(24h));
}

TEST_CASE("after the clock was set back no minute is there twice, and they stay in order", "[history]")
{
    OnlineHistory history;
    history.add(at(10min), 1, 9);
    history.add(at(11min), 2, 9);
    history.add(at(10min), 3, 9);
    auto const minutes = history.grouped(at(11min), 1min);
    REQUIRE(minutes.size() == 1);
    CHECK(minutes[0] == OnlineCount{at(10min), 3, 9});
}
