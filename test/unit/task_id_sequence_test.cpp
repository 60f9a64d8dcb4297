#include "elves/task_id_sequence.hpp"

#include <limits>
#include <set>

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

auto const now = Instant(1'767'225'600'000ms); // 2026-01-01T00:00:00Z
auto const epoch = Instant(1'577'836'800'000ms);

std::int64_t ms_of(TaskId id) { return static_cast<std::int64_t>(id.value() >> 22U); }

} // namespace

TEST_CASE("a task's id begins with the time at which it was made", "[task-id]")
{
    TaskIdSequence ids;
    CHECK(ms_of(ids.next(now)) == (now - epoch).count());
    CHECK(ms_of(ids.next(now + 1h)) == (now + 1h - epoch).count());
    CHECK(ids.next(now + 2h).text().size() == 16);
}

TEST_CASE("each id is larger than the one before, whatever the clock does", "[task-id]")
{
    TaskIdSequence ids;
    auto last = ids.next(now);
    for (auto const& time :
        {now, now, now - 24h, Instant(0ms), epoch, Instant::min(), Instant::max(), now + 1ms, now}) {
        auto const next = ids.next(time);
        CHECK(next > last);
        last = next;
    }
    // A time that does not fit has left no trace.
    CHECK(ms_of(last) <= (now + 1ms - epoch).count());
}

TEST_CASE("ids of the same millisecond differ in 22 random bits", "[task-id]")
{
    std::set<TaskId> first;
    for (int i = 0; i < 100; ++i) first.insert(TaskIdSequence().next(now));
    CHECK(first.size() > 90);
}

TEST_CASE("ids go on behind the largest one in the data file", "[task-id]")
{
    TaskIdSequence ids;
    auto const ahead = static_cast<std::int64_t>(TaskIdSequence().next(now + 24h).value());
    ids.continue_after(ahead);
    CHECK(static_cast<std::int64_t>(ids.next(now).value()) > ahead);
    ids.continue_after(5);
    CHECK(static_cast<std::int64_t>(ids.next(now).value()) > ahead);
    CHECK_THROWS_WITH(
        ids.continue_after(std::numeric_limits<std::int64_t>::max()), Catch::Contains("7FFFFFFFFFFFFFFF"));
}
