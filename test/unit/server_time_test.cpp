#include "agent/server_time.hpp"

#include "catch.hpp"
#include "elves/json_document.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;
using elves::agent::ServerTime;

namespace {

void learn(ServerTime& time, Clock const& clock, std::int64_t now, std::int64_t shift)
{
    auto const reply =
        JsonDocument::parse("{\"time\":" + std::to_string(now) + ",\"clock\":" + std::to_string(shift) + "}");
    time.learn(reply.root(), clock.steady());
}

} // namespace

TEST_CASE("a time of the server stays the same moment when its clock is set", "[server_time]")
{
    ManualClock clock;
    ServerTime time(clock);
    Instant const start_by(2'000'000ms);
    CHECK(time.by_known_clock(start_by, -12'000ms) == start_by); // nothing is known yet
    learn(time, clock, 1'000'000, -12'000);
    CHECK(time.by_known_clock(start_by, -12'000ms) == start_by);
    // Its clock was set back by 1,342 s since the call was sent: that moment has another name now.
    learn(time, clock, 0, -1'354'000);
    CHECK(time.by_known_clock(start_by, -12'000ms) == start_by - 1'342s);
    learn(time, clock, 5'000'000, 3'600'000);
    CHECK(time.by_known_clock(start_by, 0ms) == start_by + 1h);
}

TEST_CASE("a time or a shift that no server has overflows nothing", "[server_time]")
{
    ManualClock clock;
    ServerTime time(clock);
    learn(time, clock, 1'000'000, 5'000);
    for (auto const far : {Instant::duration::max(), Instant::duration::min()}) {
        CHECK(time.by_known_clock(Instant(far), 0ms) == Instant(far));
        CHECK(time.by_known_clock(Instant(0ms), std::chrono::duration_cast<std::chrono::milliseconds>(far)) ==
              Instant(0ms));
    }
}
