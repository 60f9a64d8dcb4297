#include "run/schedules.hpp"

#include "catch.hpp"
#include "run/run_records.hpp"
#include "support/run_house.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

/// 2026-01-01 00:00:31 at first; a schedule at each full minute.
struct ScheduleHouse : RunHouse {
    TaskId id;

    ScheduleHouse() : id(TaskId::random()) {}
    RunSchedule made(std::string_view rule = "0 * * * * ?")
    {
        RunSchedule schedule(id, QuartzRule::parse(rule));
        schedule.spec = RunSpec::read(
            json_of(json::object{{"target", "all"}, {"ins", json::object{{"app", "demo"}, {"func", "work"}}}})
                .root());
        return schedule;
    }
    void put(RunSchedule schedule, bool is_new = true)
    {
        did(schedules->put(std::move(schedule), is_new, {}));
    }
    /// All its firings, the oldest first: "00:01 running", "00:02 skipped: …".
    std::vector<std::string> firings()
    {
        run_records::Filter filter;
        filter.schedule = id;
        auto all = run_records::list(store.db(), filter);
        std::sort(
            all.begin(), all.end(), [](auto const& a, auto const& b) { return *a.fire_time < *b.fire_time; });
        std::vector<std::string> texts;
        for (auto const& run : all) {
            auto const time = Zone().text(*run.fire_time).substr(11, 5);
            auto const state =
                run.skipped.empty() ? std::string(state_text(this->run(run.id).state)) : run.skipped;
            texts.push_back(time + " " + state);
        }
        return texts;
    }
    void wait_and_end(std::chrono::milliseconds time)
    {
        for (auto left = time; left > 0ms; left -= 10s) {
            wait(10s);
            end_open(TaskStatus::done);
        }
    }
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("each time of a schedule is a run of its own, of the hosts that there are then", "[schedule]")
{
    ScheduleHouse house;
    house.put(house.made());
    house.wait_and_end(60s);
    CHECK(house.firings() == Texts{"00:01 done"});
    house.targets.hosts.pop_back();
    house.wait_and_end(60s);
    CHECK(house.firings() == Texts{"00:01 done", "00:02 done"});
    CHECK(house.engine.tasks().size() == 9);
}

TEST_CASE("a time that comes while the last run goes on is skipped, unless overlap allows it", "[schedule]")
{
    ScheduleHouse house;
    auto schedule = house.made();
    SECTION("skip")
    {
        house.put(schedule);
        house.wait(60s);
        house.wait(60s);
        CHECK(house.firings() ==
              Texts{"00:01 running", "00:02 skipped: the last run of this schedule is still going on"});
    }
    SECTION("allow")
    {
        schedule.overlap = Overlap::allow;
        house.put(schedule);
        house.wait(60s);
        house.wait(60s);
        CHECK(house.firings() == Texts{"00:01 running", "00:02 running"});
    }
}

TEST_CASE("times that pass while the server is down are skipped, or made up for once", "[schedule]")
{
    ScheduleHouse house;
    auto schedule = house.made();
    auto const down_for = [&](std::chrono::seconds time) {
        house.stop();
        house.clock.drop_timers();
        house.clock.advance(time);
        house.start();
        house.wait(6s);
    };
    SECTION("skip")
    {
        house.put(schedule);
        down_for(180s);
        CHECK(house.firings() == Texts{"00:01 skipped: 3 times from 2026-01-01 00:01:00 to 2026-01-01 "
                                       "00:03:00 passed while the server was down"});
    }
    SECTION("once, of several")
    {
        schedule.misfire = Misfire::once;
        house.put(schedule);
        down_for(180s);
        CHECK(house.firings() == Texts{"00:01 skipped: 3 times from 2026-01-01 00:01:00 to 2026-01-01 "
                                       "00:03:00 passed while the server was down; it runs once for them",
                                     "00:03 running"});
    }
    SECTION("once, of one: there is the run alone")
    {
        schedule.misfire = Misfire::once;
        house.put(schedule);
        down_for(60s);
        CHECK(house.firings() == Texts{"00:01 running"});
    }
}

TEST_CASE("no time of a schedule runs twice, though the clock is set back", "[schedule]")
{
    ScheduleHouse house;
    house.put(house.made());
    house.wait_and_end(120s);
    house.clock.jump(house.clock.now() - 90s);
    house.wait_and_end(180s);
    CHECK(house.firings() == Texts{"00:01 done", "00:02 done", "00:03 done", "00:04 done"});
    CHECK(house.engine.tasks().size() == 20);
}

TEST_CASE(
    "times that pass once more while the server is down are recorded, but for those that ran", "[schedule]")
{
    ScheduleHouse house;
    auto schedule = house.made();
    auto const restart_after = [&](std::chrono::seconds time) {
        house.wait_and_end(120s);
        house.stop();
        house.clock.drop_timers();
        house.clock.jump(house.clock.now() - 110s);
        house.start();
        house.wait(1s);
        house.stop();
        house.clock.drop_timers();
        house.clock.advance(time);
        house.start();
        house.wait(6s);
    };
    SECTION("skip")
    {
        house.put(schedule);
        restart_after(240s);
        CHECK(house.firings() == Texts{"00:01 done", "00:02 done",
                                     "00:03 skipped: 4 times from 2026-01-01 00:01:00 to 2026-01-01 00:04:00 "
                                     "passed while the server was down"});
    }
    SECTION("once")
    {
        schedule.misfire = Misfire::once;
        house.put(schedule);
        restart_after(240s);
        CHECK(house.firings() == Texts{"00:01 done", "00:02 done",
                                     "00:03 skipped: 4 times from 2026-01-01 00:01:00 to 2026-01-01 00:04:00 "
                                     "passed while the server was down; it runs once for them",
                                     "00:04 running"});
    }
    SECTION("once, and the last alone has not run")
    {
        schedule.misfire = Misfire::once;
        house.put(schedule);
        restart_after(180s);
        CHECK(house.firings() == Texts{"00:01 done", "00:02 done", "00:03 running"});
    }
}

TEST_CASE("a run that the server is still taking up keeps the next one from beginning", "[schedule]")
{
    ScheduleHouse house;
    house.put(house.made());
    house.wait(60s);
    house.end_one(TaskStatus::done);
    house.clock.advance(20s);
    house.engine.fail_finds(20);
    house.start();
    for (int seconds = 0; seconds < 15; ++seconds) house.wait(1s);
    CHECK(house.firings() ==
          Texts{"00:01 running", "00:02 skipped: the last run of this schedule is still going on"});
}

TEST_CASE("a schedule goes on after a restart, and no time runs twice", "[schedule]")
{
    ScheduleHouse house;
    house.put(house.made());
    house.wait_and_end(60s);
    house.start();
    house.wait_and_end(60s);
    CHECK(house.firings() == Texts{"00:01 done", "00:02 done"});
}

TEST_CASE("a firing that the disk refuses is recorded when it can, or was held up for too long", "[schedule]")
{
    ScheduleHouse house;
    house.put(house.made());
    house.store.fail_all(true);
    house.wait(35s);
    CHECK(house.firings().empty());
    SECTION("for a moment")
    {
        house.store.fail_all(false);
        house.wait(20s);
        CHECK(house.firings() == Texts{"00:01 running"});
    }
    SECTION("for minutes")
    {
        house.wait(180s);
        house.store.fail_all(false);
        house.wait(60s);
        auto const firings = house.firings();
        REQUIRE_FALSE(firings.empty());
        CHECK(firings[0].find("passed while the server was held up") != std::string::npos);
    }
}

TEST_CASE("a firing with no hosts, or of a key that counts no longer, says so", "[schedule]")
{
    ScheduleHouse house;
    auto schedule = house.made();
    SECTION("no hosts")
    {
        house.targets.hosts.clear();
        house.put(schedule);
        house.wait(60s);
        REQUIRE(house.firings().size() == 1);
        CHECK(house.firings()[0].starts_with("00:01 skipped: [403.11] `target` selects no host"));
    }
    SECTION("key")
    {
        schedule.by = "A49B1E8FA1B43BC5";
        auto const key = std::make_shared<Key>();
        key->key = schedule.by;
        key->role = Role::operator_;
        key->apps = {"*"};
        key->ips = IpSet{*IpRange::parse("*")};
        house.authority.keys[schedule.by] = key;
        house.put(schedule);
        house.wait_and_end(60s);
        key->enabled = false;
        house.wait_and_end(60s);
        house.authority.keys.clear();
        house.wait_and_end(60s);
        auto const firings = house.firings();
        REQUIRE(firings.size() == 3);
        CHECK(firings[0] == "00:01 done");
        CHECK(firings[1].find("which set the schedule, is disabled") != std::string::npos);
        CHECK(firings[2].find("which set the schedule, is gone") != std::string::npos);
    }
    SECTION("more hosts than its key may have in a run")
    {
        schedule.by = "A49B1E8FA1B43BC5";
        auto const key = std::make_shared<Key>();
        key->key = schedule.by;
        key->role = Role::operator_;
        key->apps = {"*"};
        key->ips = IpSet{*IpRange::parse("*")};
        key->run_hosts = 4;
        house.authority.keys[schedule.by] = key;
        house.put(schedule);
        house.wait_and_end(60s);
        REQUIRE(house.firings().size() == 1);
        CHECK(house.firings()[0].find("at most 4 hosts") != std::string::npos);
    }
}

TEST_CASE("a time whose run is being planned while its schedule is changed has no run, and moves nothing",
    "[schedule]")
{
    ScheduleHouse house;
    house.put(house.made());
    house.targets.slow_by = &house.clock;
    house.wait(29s);
    house.put(house.made("0 30 * * * ?"), false);
    SECTION("the plan succeeds") {}
    SECTION("the plan fails") { house.targets.hosts.clear(); }
    house.wait(1s);
    house.targets.slow_by = nullptr;
    house.wait(120s);
    CHECK(
        house.firings() == Texts{"00:01 skipped: 1 time from 2026-01-01 00:01:00 to 2026-01-01 00:01:00 did "
                                 "not start: the schedule was changed"});
}

TEST_CASE("a schedule that is stopped fires no more, and says what jitter had still delayed", "[schedule]")
{
    ScheduleHouse house;
    auto schedule = house.made();
    schedule.jitter = {std::chrono::seconds(3'600)};
    house.put(schedule);
    house.wait(180s);
    auto const before = house.firings();
    house.did(house.schedules->set_on(house.id, false, {}));
    auto const firings = house.firings();
    REQUIRE(firings.size() > before.size());
    CHECK(firings.back().find("the schedule was stopped") != std::string::npos);
    CHECK_THROWS(house.did(house.schedules->set_on(house.id, false, {})));
    house.wait(7'200s);
    CHECK(house.firings() == firings);
    house.did(house.schedules->set_on(house.id, true, {}));
    house.did(house.schedules->erase(house.id, {}));
    CHECK_THROWS(house.did(house.schedules->erase(house.id, {})));
}

TEST_CASE("hosts of a scheduled run stay held while a window is closed", "[schedule]")
{
    ScheduleHouse house;
    StartWindow window;
    window.name = "freeze";
    window.target = "all";
    window.from = "2026-01-01 00:00:00";
    window.to = "2026-01-01 00:05:00";
    house.set(window);
    house.put(house.made());
    house.wait(60s);
    CHECK(house.firings() == Texts{"00:01 running"});
    CHECK(house.engine.tasks().empty());
    house.wait(240s);
    CHECK(house.engine.tasks().size() == 5);
}
