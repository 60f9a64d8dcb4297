#include "elves/cron_schedule.hpp"

#include <set>

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;
using Due = CronSchedule::Due;

namespace {

Instant at(std::string_view time) { return Zone().parse("2026-01-01 " + std::string(time)).value(); }

QuartzRule const each_minute = QuartzRule::parse("0 * * * * ?");
QuartzRule const each_hour = QuartzRule::parse("0 0 * * * ?");
QuartzRule const each_second = QuartzRule::parse("* * * * * ?");
QuartzRule const never = QuartzRule::parse("0 0 0 30 2 ?");

TaskId const a(1), b(2), c(3);

} // namespace

TEST_CASE("jobs fire in the order of their times, each at all of them", "[cron_schedule]")
{
    CronSchedule schedule;
    CHECK_FALSE(schedule.next_due());
    schedule.set(b, each_hour, Zone(), 0s, at("10:57:30"));
    schedule.set(a, each_minute, Zone(), 0s, at("10:57:30"));
    CHECK(schedule.next_due() == at("10:58:00"));
    CHECK(schedule.next_fire_time(b) == at("11:00:00"));
    CHECK(schedule.take_due(at("10:57:59"), 10).empty());
    CHECK(schedule.take_due(at("10:58:00"), 10) == std::vector<Due>{{a, at("10:58:00")}});
    CHECK(schedule.take_due(at("11:00:30"), 10) ==
          std::vector<Due>{{a, at("10:59:00")}, {a, at("11:00:00")}, {b, at("11:00:00")}});
    CHECK(schedule.next_due() == at("11:01:00"));
}

TEST_CASE("a job fires by the wall clock of its own zone", "[cron_schedule]")
{
    CronSchedule schedule;
    auto const noon = QuartzRule::parse("0 0 12 * * ?");
    schedule.set(a, noon, Zone(), 0s, at("00:00:00"));
    schedule.set(b, noon, Zone::named("Asia/Shanghai").value(), 0s, at("00:00:00"));
    CHECK(
        schedule.take_due(at("23:00:00"), 10) == std::vector<Due>{{b, at("04:00:00")}, {a, at("12:00:00")}});
}

TEST_CASE("a job that is set again goes by its new rule alone", "[cron_schedule]")
{
    CronSchedule schedule;
    schedule.set(a, each_minute, Zone(), 0s, at("10:00:00"));
    schedule.set(a, each_hour, Zone(), 0s, at("10:00:00"));
    CHECK(schedule.take_due(at("11:00:00"), 10) == std::vector<Due>{{a, at("11:00:00")}});
    schedule.set(a, never, Zone(), 0s, at("11:00:00"));
    CHECK_FALSE(schedule.next_due());
    CHECK_FALSE(schedule.next_fire_time(a));
    schedule.set(a, each_minute, Zone(), 0s, at("11:00:00"));
    CHECK(schedule.next_fire_time(a) == at("11:01:00"));
}

TEST_CASE("an erased job fires no more, and its rule goes on for others", "[cron_schedule]")
{
    CronSchedule schedule;
    schedule.set(a, each_minute, Zone(), 0s, at("10:00:00"));
    schedule.set(b, each_minute, Zone(), 0s, at("10:00:00"));
    schedule.erase(a);
    schedule.erase(c);
    CHECK_FALSE(schedule.next_fire_time(a));
    CHECK(schedule.take_due(at("10:01:00"), 10) == std::vector<Due>{{b, at("10:01:00")}});
    schedule.erase(b);
    CHECK_FALSE(schedule.next_due());
    schedule.set(c, each_minute, Zone(), 0s, at("10:00:00"));
    CHECK(schedule.next_due() == at("10:01:00"));
}

TEST_CASE("jitter delays a job by the same time always, and not beyond its bound", "[cron_schedule]")
{
    std::set<Instant> seen;
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        CronSchedule schedule, again;
        schedule.set(TaskId(id), each_hour, Zone(), 30s, at("10:00:00"));
        again.set(TaskId(id), each_hour, Zone(), 30s, at("11:30:00"));
        auto const due = schedule.next_due().value();
        CHECK(due >= at("11:00:00"));
        CHECK(due <= at("11:00:30"));
        CHECK(again.next_due() == due + 1h);
        CHECK(schedule.next_fire_time(TaskId(id)) == at("11:00:00"));
        CHECK(schedule.take_due(due - 1ms, 1).empty());
        CHECK(schedule.take_due(due, 1) == std::vector<Due>{{TaskId(id), at("11:00:00")}});
        seen.insert(due);
    }
    CHECK(seen.size() == 31);
    CronSchedule none;
    none.set(a, each_hour, Zone(), -5s, at("10:00:00"));
    CHECK(none.next_due() == at("11:00:00"));
}

TEST_CASE(
    "after a jump of the clock each missed time comes, oldest first, up to the limit", "[cron_schedule]")
{
    CronSchedule schedule;
    schedule.set(a, each_minute, Zone(), 0s, at("10:00:00"));
    schedule.set(b, each_hour, Zone(), 0s, at("10:00:00"));
    std::vector<Due> all;
    while (true) {
        auto const some = schedule.take_due(at("12:00:00"), 50);
        CHECK(some.size() <= 50);
        if (some.empty()) break;
        all.insert(all.end(), some.begin(), some.end());
    }
    REQUIRE(all.size() == 122);
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].fire_time <= all[i].fire_time);
    CHECK(schedule.take_due(at("10:30:00"), 50).empty());
    CHECK(schedule.next_due() == at("12:01:00"));
}

TEST_CASE("missed times are those after the one moment and up to the other", "[cron_schedule]")
{
    auto const missed = missed_times(each_minute, Zone(), at("10:00:00"), at("10:05:00"), 100);
    CHECK(missed.count == 5);
    CHECK_FALSE(missed.more);
    CHECK(missed.first == at("10:01:00"));
    CHECK(missed.last == at("10:05:00"));
    CHECK(missed_times(each_minute, Zone(), at("10:00:00"), at("10:00:59"), 100).count == 0);
    CHECK(missed_times(each_minute, Zone(), at("10:05:00"), at("10:00:00"), 100).count == 0);
    CHECK(missed_times(never, Zone(), at("10:00:00"), at("10:05:00"), 100).count == 0);
}

TEST_CASE("missed times are counted up to the limit, which says that there were more", "[cron_schedule]")
{
    auto const missed = missed_times(each_second, Zone(), at("10:00:00"), at("22:00:00"), 10);
    CHECK(missed.count == 10);
    CHECK(missed.more);
    CHECK(missed.first == at("10:00:01"));
    CHECK(missed.last == at("10:00:10"));
    auto const exact = missed_times(each_minute, Zone(), at("10:00:00"), at("10:05:00"), 5);
    CHECK(exact.count == 5);
    CHECK_FALSE(exact.more);
    auto const none = missed_times(each_minute, Zone(), at("10:00:00"), at("10:05:00"), 0);
    CHECK(none.count == 0);
    CHECK(none.more);
}
