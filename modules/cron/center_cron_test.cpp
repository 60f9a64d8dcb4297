#include "cron/center_cron.hpp"

#include <map>
#include <random>
#include <sstream>

#include "catch.hpp"
#include "support/cron_house.hpp"
#include "support/log_capture.hpp"

using namespace elves;
using namespace std::chrono_literals;
using History = std::vector<std::string>;

TEST_CASE("a job fires at its times, as a task of its own each", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/10 * * * * ?");
    house.pass(9s);
    CHECK(house.history() == History{});
    house.pass(1s);
    REQUIRE(house.history() == History{"00:00:10 running"});
    auto const& task = house.engine.tasks().front();
    CHECK(task.cron_id->text() == id);
    CHECK(task.type == TaskType::cron);
    CHECK(task.agent.text() == "10.0.0.1");
    CHECK(task.ins.name() == "app.func");
    CHECK(task.from == "cron");
    house.finish_last();
    house.pass(10s);
    CHECK(house.history() == History{"00:00:10 done", "00:00:20 running"});
}

TEST_CASE("a rule goes by the job's zone, else by the server's", "[cron]")
{
    CronHouse house;
    house.start("Europe/Berlin"); // Where the day began an hour before midnight UTC.
    house.set("0 1 1 * * ?");
    house.set("0 2 5 * * ?", {{"timezone", "Asia/Karachi"}});
    house.pass(60s);
    CHECK(house.history() == History{"00:01:00 running"});
    house.pass(60s);
    CHECK(house.history() == History{"00:01:00 running", "00:02:00 running"});
}

TEST_CASE("overlap `skip`: a turn while the last run goes on is skipped, and the record says why", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?");
    house.pass(20s);
    REQUIRE(house.history() == History{"00:00:10 running", "00:00:20 skipped"});
    auto const& skipped = house.engine.tasks().back();
    CHECK(skipped.sync_error == "skipped: the run of 2026-01-01 00:00:10 (task " +
                                    house.engine.tasks().front().id.text() + ") is still going on");
    CHECK(skipped.sync_flag == false);
    CHECK(skipped.end);
    house.engine.finish(house.engine.tasks().front().id, TaskStatus::failed);
    house.pass(10s);
    CHECK(house.history() == History{"00:00:10 failed", "00:00:20 skipped", "00:00:30 running"});
}

TEST_CASE("overlap `skip` knows of a run that was begun before a restart", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?");
    house.pass(10s);
    house.start();
    house.pass(10s);
    CHECK(house.history() == History{"00:00:10 running", "00:00:20 skipped"});
}

TEST_CASE("overlap `allow` runs side by side", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"overlap", "allow"}});
    house.pass(20s);
    CHECK(house.history() == History{"00:00:10 running", "00:00:20 running"});
    CHECK(house.engine.canceled().empty());
}

TEST_CASE("overlap `replace` cancels the last run first", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"overlap", "replace"}});
    house.pass(30s);
    CHECK(house.history() == History{"00:00:10 canceled", "00:00:20 canceled", "00:00:30 running"});
}

TEST_CASE("jitter delays a job by the same time each time, and its fire time is the rule's", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0 * * * * ?", {{"jitter", 30}, {"overlap", "allow"}});
    house.pass(180s);
    auto const& tasks = house.engine.tasks();
    REQUIRE(tasks.size() >= 2);
    auto const late = tasks[0].start - *tasks[0].fire_time;
    CHECK(late <= 30s);
    CHECK(tasks[1].start - *tasks[1].fire_time == late);
    CHECK(house.history().front() == "00:01:00 running");
}

TEST_CASE("times that passed while the server was down become one record", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"timezone", "UTC"}});
    house.pass(10s);
    house.finish_last();
    house.stop();
    house.clock.advance(125s);
    house.start();
    REQUIRE(house.history() == History{"00:00:10 done", "00:00:20 skipped"});
    CHECK(
        house.engine.tasks().back().sync_error ==
        "skipped: 12 times from 2026-01-01 00:00:20 to 2026-01-01 00:02:10 passed while the server was down");
    house.pass(5s);
    CHECK(house.history().back() == "00:02:20 running");
    house.start();
    CHECK(house.history().size() == 3);
}

TEST_CASE("misfire `once` makes up for them with one run", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"misfire", "once"}});
    house.stop();
    house.clock.advance(125s);
    house.start();
    CHECK(house.history() == History{"00:00:10 skipped"});
    house.come();
    house.pass(2s);
    CHECK(house.history() == History{"00:00:10 skipped", "00:02:00 running"});
    CHECK(house.engine.tasks().front().sync_error ==
          "skipped: 12 times from 2026-01-01 00:00:10 to 2026-01-01 00:02:00 passed while the server was "
          "down; it runs once for them");
    house.start();
    CHECK(house.history().size() == 2);
}

TEST_CASE(
    "a crash between the record of missed times and the run that makes up for them loses neither", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"misfire", "once"}});
    house.stop();
    house.clock.advance(25s);
    house.engine.refuse(codes::store_cannot_write);
    house.start();
    house.come();
    house.pass(2s);
    REQUIRE(house.history() == History{"00:00:10 skipped"});
    house.engine.refuse(std::nullopt);
    house.start();
    house.come();
    house.pass(2s);
    CHECK(house.history() == History{"00:00:10 skipped", "00:00:20 running"});
}

TEST_CASE("however many times were missed, the record has their number", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("* * * * * ?");
    house.stop();
    house.clock.advance(24h * 3);
    house.start();
    REQUIRE(house.history() == History{"00:00:01 skipped"});
    CHECK(house.engine.tasks().back().sync_error ==
          "skipped: 259200 times from 2026-01-01 00:00:01 to 2026-01-04 00:00:00 passed while the "
          "server was down");
    house.pass(1s);
    CHECK(house.history().back() == "00:00:01 running");
}

TEST_CASE("a clock that jumps ahead is noticed, and the times that it passed are counted", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0 0/5 * * * ?");
    house.pass(10s);
    house.clock.jump(house.clock.now() + 1h);
    house.pass(60s);
    REQUIRE(house.history() == History{"00:05:00 skipped"});
    CHECK(
        house.engine.tasks().back().sync_error ==
        "skipped: 12 times from 2026-01-01 00:05:00 to 2026-01-01 01:00:00 passed while the server was held "
        "up");
    house.pass(240s);
    CHECK(house.history() == History{"00:05:00 skipped", "01:05:00 running"});
}

TEST_CASE("a firing that the store refuses is tried until it is recorded", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?");
    house.pass(59s);
    house.store.fail_all(true);
    house.pass(31s);
    CHECK(house.history() == History{});
    CHECK(house.engine.asked() == 5); // at once, then after 1, 2, 4, 8 s
    house.store.fail_all(false);
    house.pass(16s);
    CHECK(house.history() == History{"00:01:00 running"});
    CHECK(house.engine.asked() == 6);
    house.finish_last();
    house.pass(14s);
    CHECK(house.history() == History{"00:01:00 done", "00:02:00 running"});
}

TEST_CASE("what passes behind a firing that is held up is counted", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"overlap", "allow"}});
    house.store.fail_all(true);
    house.pass(70s);
    house.store.fail_all(false);
    house.pass(4s);
    REQUIRE(house.history() == History{"00:00:10 running", "00:00:20 skipped"});
    CHECK(house.engine.tasks().back().sync_error ==
          "skipped: 6 times from 2026-01-01 00:00:20 to 2026-01-01 00:01:10 passed while the server was held "
          "up");
    house.pass(6s);
    CHECK(house.history().back() == "00:01:20 running");
}

TEST_CASE("a firing that was held up when the server died is accounted for by the next one", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0 * * * * ?");
    house.store.fail_all(true);
    house.pass(65s);
    house.store.fail_all(false);
    house.start();
    CHECK(house.history() == History{"00:01:00 skipped"});
}

TEST_CASE("a restart starts nothing twice", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"misfire", "once"}, {"overlap", "allow"}});
    house.pass(10s);
    house.start();
    house.pass(5s);
    CHECK(house.history() == History{"00:00:10 running"});
}

TEST_CASE("a firing that the engine will never take is recorded as skipped, with its words", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?");
    house.engine.refuse(codes::no_app);
    house.pass(10s);
    REQUIRE(house.history() == History{"00:00:10 skipped"});
    CHECK(house.engine.tasks().back().sync_error == "skipped: [413.2] refused by the test");
}

TEST_CASE("a paused job's times are neither run nor missed", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/10 * * * * ?");
    json::object const one{{"agentip", "10.0.0.1"}, {"id", id}};
    house.call("stopcron", one);
    house.pass(30s);
    house.start();
    CHECK(house.history() == History{});
    house.pass(5s);
    house.call("startcron", one);
    house.pass(5s);
    CHECK(house.history() == History{"00:00:40 running"});
}

TEST_CASE("a firing whose job is deleted, paused or changed before it is recorded does not start, and is "
          "recorded so",
    "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?");
    house.pass(55s);
    house.engine.refuse(codes::store_cannot_write);
    house.pass(5s);
    house.engine.refuse(std::nullopt);
    std::string why = "deleted";
    SECTION("deleted") { house.call("delcronbyipid", {{"agentip", "10.0.0.1"}, {"id", id}}); }
    SECTION("paused")
    {
        why = "paused";
        house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", id}});
    }
    SECTION("set again")
    {
        why = "changed";
        house.set("0 30 * * * ?", {{"id", id}});
    }
    house.pass(70s);
    REQUIRE(house.history() == History{"00:01:00 skipped"});
    CHECK(house.engine.tasks().back().sync_error ==
          "skipped: the job was " + why + " before this time was started");
}

TEST_CASE("the mark of a job moves from one time to the next only", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = *TaskId::parse(house.set("0 * * * * ?"));
    auto const now = house.clock.now();
    auto& db = house.store.db();
    CronJobs::settling(id, now, now + 60s)(db);
    CHECK_THROWS_AS(CronJobs::settling(id, now, now + 60s)(db), TurnRefused); // twice
    try {
        CronJobs::settling(id, now + 120s, now + 180s)(db); // before the one at 120 s
        FAIL("it was not refused");
    } catch (TurnRefused const& refused) {
        CHECK_FALSE(refused.over);
    }
    CHECK_NOTHROW(CronJobs::settling(id, now + 60s, now + 120s)(db));
}

TEST_CASE("a thousand jobs and more of one moment all fire", "[cron]")
{
    CronHouse house;
    house.start();
    for (int i = 0; i < 2'500; ++i) house.set("0 * * * * ?", {{"overlap", "allow"}});
    house.pass(60s);
    CHECK(house.engine.tasks().size() == 2'500);
}

TEST_CASE("whatever the store and the server go through, every time is accounted for once", "[cron]")
{
    auto const overlap = GENERATE("skip", "allow", "replace");
    CronHouse house;
    std::mt19937 random(7); // NOLINT(cert-msc51-cpp): the same each time on purpose
    auto const one_in = [&](unsigned n) { return random() % n == 0; };
    house.start();
    house.set("0/5 * * * * ?", {{"overlap", overlap}});
    for (int second = 0; second < 3'000; ++second) {
        if (one_in(40)) house.store.fail_all(one_in(2));
        if (one_in(50)) house.store.fail_next(1);
        if (one_in(9) && !house.engine.tasks().empty() && !is_final(house.engine.tasks().back().status)) {
            house.finish_last();
        }
        if (one_in(200)) {
            house.stop();
            house.clock.advance(std::chrono::seconds(random() % 90));
            house.start();
        }
        if (one_in(300)) house.clock.jump(house.clock.now() + std::chrono::seconds(random() % 200));
        house.pass(1s);
    }
    house.store.fail_all(false);
    house.store.fail_next(0);
    house.pass(130s);
    std::int64_t accounted = 0;
    for (auto const& task : house.engine.tasks()) {
        // "skipped: 12 times from ... to ... passed"
        std::istringstream words(task.sync_error);
        std::string word;
        std::int64_t count = 1;
        if (task.sync_error.ends_with("passed while the server was down") ||
            task.sync_error.ends_with("passed while the server was held up")) {
            words >> word >> count;
        }
        accounted += count;
    }
    auto const since = Instant(1'767'225'600s);
    CHECK(accounted == (house.clock.now() - since) / 5s);
    CHECK(house.engine.tasks().size() > 100);
}

TEST_CASE(
    "misfire `once`: the make-up run waits until its agent is back, and no longer than two minutes", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0 0/5 * * * ?", {{"misfire", "once"}});
    house.stop();
    house.clock.advance(301s);
    house.start();
    REQUIRE(house.history() == History{"00:05:00 skipped"});
    SECTION("it comes")
    {
        house.pass(30s);
        CHECK(house.history().size() == 1);
        house.come();
        house.pass(2s);
        CHECK(house.history() == History{"00:05:00 skipped", "00:05:00 running"});
    }
    SECTION("it comes after another restart of the server")
    {
        house.start();
        house.come();
        house.pass(2s);
        CHECK(house.history() == History{"00:05:00 skipped", "00:05:00 running"});
    }
    SECTION("it does not come")
    {
        house.pass(119s);
        CHECK(house.history().size() == 1);
        house.pass(1s);
        CHECK(house.history() == History{"00:05:00 skipped", "00:05:00 running"});
    }
    SECTION("the job is paused meanwhile")
    {
        house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", house.jobs->all().begin()->first.text()}});
        house.come();
        house.pass(130s);
        CHECK(house.history() == History{"00:05:00 skipped", "00:05:00 skipped"});
    }
}

TEST_CASE(
    "overlap `skip`: a run that ended while the server was down does not keep the make-up run away", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"misfire", "once"}});
    house.pass(10s);
    house.stop();
    house.clock.advance(12s);
    house.start();
    REQUIRE(house.history() == History{"00:00:10 running", "00:00:20 skipped"});
    house.come();
    house.engine.finish(house.engine.tasks().front().id, TaskStatus::done); // What it reports.
    house.pass(2s);
    CHECK(house.history() == History{"00:00:10 done", "00:00:20 skipped", "00:00:20 running"});
}

TEST_CASE("a run that is owed when its job is paused, changed or deleted is recorded as skipped", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/10 * * * * ?", {{"misfire", "once"}});
    house.stop();
    house.clock.advance(25s);
    house.start();
    std::string becomes = "changed";
    SECTION("paused")
    {
        house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", id}});
        becomes = "paused";
    }
    SECTION("deleted")
    {
        house.call("delcronbyipid", {{"agentip", "10.0.0.1"}, {"id", id}});
        becomes = "deleted";
    }
    SECTION("changed") { house.set("0 0 3 * * ?", {{"misfire", "once"}, {"id", id}}); }
    house.come();
    house.pass(5s);
    CHECK(house.history() == History{"00:00:10 skipped", "00:00:20 skipped"});
    CHECK(house.engine.tasks().back().sync_error ==
          "skipped: the run that makes up for times up to 2026-01-01 00:00:20 did not start: the job was " +
              becomes);
}

TEST_CASE("of two changes of a job that overlap, its times are those of the later one", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/10 * * * * ?");
    // The second is back at the first rule before the change to the other is on disk.
    house.begin("setcronbyip", CronHouse::job("0 0 3 * * ?", {{"id", id}}));
    house.begin("setcronbyip", CronHouse::job("0/10 * * * * ?", {{"id", id}}));
    house.settle();
    CHECK(house.entry().at("next_time") == "2026-01-01 00:00:10");
    house.pass(10s);
    CHECK(house.history() == History{"00:00:10 running"});
}

TEST_CASE("a job whose mark on disk is further than was said fires on from there", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"overlap", "allow"}});
    house.pass(10s);
    // A commit that was reported as failed, and is on disk all the same.
    auto const mark = (house.clock.now() + 5s).time_since_epoch().count();
    house.store.db().script("UPDATE cron_job SET settled = " + std::to_string(mark));
    house.pass(30s);
    CHECK(house.history() ==
          History{"00:00:10 running", "00:00:20 running", "00:00:30 running", "00:00:40 running"});
}

TEST_CASE("a run that is owed survives a clock that is set back while it is on its way", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?", {{"misfire", "once"}});
    house.stop();
    house.clock.advance(25s);
    house.start();
    house.engine.refuse(codes::store_cannot_write);
    house.come();
    house.pass(2s);
    house.clock.jump(house.clock.now() - 20s);
    house.pass(6s);
    house.engine.refuse(std::nullopt);
    house.pass(10s);
    CHECK(std::ranges::count(house.history(), "00:00:20 running") == 1);
}

TEST_CASE("an ordinary restart with jobs of every second leaves no warnings", "[cron]")
{
    LogCapture log;
    CronHouse house;
    house.start();
    for (int i = 0; i < 50; ++i) house.set("* * * * * ?", {{"misfire", "once"}});
    house.pass(3s);
    house.stop();
    house.clock.advance(2s);
    house.start();
    house.pass(5s);
    CHECK(log.text().find("an earlier firing is not on disk") == std::string::npos);
    CHECK(log.text().find("not recorded") == std::string::npos);
}

TEST_CASE("a job that is set again between a time and its delayed run still runs it", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?", {{"jitter", 30}});
    auto const delay = cron_life::delay_of(*TaskId::parse(id), 30s);
    if (delay == 0s) return;
    house.pass(60s);
    REQUIRE(house.history() == History{});
    SECTION("with another param")
    {
        house.set("0 * * * * ?",
            {{"jitter", 30}, {"id", id}, {"ins", {{"app", "app"}, {"func", "func"}, {"param", "new"}}}});
        house.pass(delay);
        REQUIRE(house.history() == History{"00:01:00 running"});
        CHECK(house.engine.tasks().back().ins.param == "new");
    }
    SECTION("with another rule: it is recorded")
    {
        house.set("0 30 * * * ?", {{"jitter", 30}, {"id", id}});
        house.pass(delay);
        REQUIRE(house.history() == History{"00:01:00 skipped"});
        CHECK(house.engine.tasks().back().sync_error ==
              "skipped: 1 time from 2026-01-01 00:01:00 to 2026-01-01 "
              "00:01:00 did not start: the job was changed");
    }
    SECTION("stopped and started: it is recorded")
    {
        house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", id}});
        house.call("startcron", {{"agentip", "10.0.0.1"}, {"id", id}});
        house.pass(delay);
        CHECK(house.history() == History{"00:01:00 skipped"});
    }
    SECTION("deleted: it is recorded")
    {
        house.call("delcronbyipid", {{"agentip", "10.0.0.1"}, {"id", id}});
        CHECK(house.history() == History{"00:01:00 skipped"});
    }
}

TEST_CASE("after a clock was an hour ahead for a minute, jobs fire again at once", "[cron]")
{
    LogCapture log;
    CronHouse house;
    house.start();
    house.set("0 * * * * ?", {{"overlap", "allow"}});
    house.pass(61s);
    house.clock.jump(house.clock.now() + 1h);
    house.pass(62s);
    auto const during = house.history();
    CHECK(during.front() == "00:01:00 running");
    CHECK(during.back() == "01:02:00 running");
    house.clock.jump(house.clock.now() - 1h);
    house.pass(5s);
    CHECK(house.entry().at("next_time") == "2026-01-01 00:03:00");
    CHECK(log.text().find("cron.clock_set_back jobs=1") != std::string::npos);
    house.pass(60s);
    CHECK(house.history().back() == "00:03:00 running");
    // What ran in the wrong hour does not run again when that comes.
    house.pass(1h);
    std::map<std::string, int> runs;
    for (auto const& line : house.history()) ++runs[line];
    CHECK(runs["01:02:00 running"] == 1);
    CHECK(runs["00:30:00 running"] == 1);
}

TEST_CASE("a clock that was set back while the server was down keeps no job silent", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0 * * * * ?");
    house.pass(61s);
    house.finish_last();
    house.stop();
    house.clock.jump(house.clock.now() - 1h);
    house.start();
    CHECK(house.entry().at("next_time") == "2025-12-31 23:02:00");
    house.pass(60s);
    CHECK(house.history() == History{"00:01:00 done", "23:02:00 running"});
}

TEST_CASE("a job's type changes while a run goes on: overlap `skip` holds", "[cron]")
{
    CronHouse house;
    house.start();
    house.come();
    auto const id = house.set("0/10 * * * * ?", {{"cron_type", "self"}});
    house.pass(5s);
    // The agent has reported its start.
    Task run;
    run.id = TaskId::random();
    run.agent = *Ip::parse("10.0.0.1");
    run.type = TaskType::cron;
    run.status = TaskStatus::running;
    run.from = "10.0.0.1";
    run.cron_id = *TaskId::parse(id);
    run.fire_time = house.clock.now();
    asio::co_spawn(house.loop, house.engine.record(run, {}), [](std::exception_ptr, TaskEngine::Recorded) {});
    house.settle();
    house.set("0/10 * * * * ?", {{"id", id}});
    house.pass(6s);
    CHECK(house.history() == History{"00:00:05 running", "00:00:10 skipped"});
}

TEST_CASE("a job that its agent may still hold is not fired here until the agent was told", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/5 * * * * ?", {{"cron_type", "self"}, {"overlap", "allow"}});
    auto const link = house.come();
    house.pass(1s);
    house.presence.go(*Ip::parse("10.0.0.1"));
    auto const reply =
        house.call("setcronbyip", CronHouse::job("0/5 * * * * ?", {{"id", id}, {"overlap", "allow"}}));
    CHECK(reply.at("agent_told") == "false");
    CHECK(house.entry().at("agent_told") == "false");
    house.pass(16s);
    CHECK(house.history() == History{});
    SECTION("it says up to when it has fired")
    {
        auto const back = std::make_shared<ListeningPeer>();
        back->reply = {{"removed",
            json::array{json::object{{"cron_id", id},
                {"accounted", std::to_string((house.clock.now() - 2s).time_since_epoch().count())}}}}};
        house.presence.come(*Ip::parse("10.0.0.1"), back);
        house.settle();
        CHECK(house.entry().at("agent_told") == "true");
        house.pass(4s);
        CHECK(house.history() == History{"00:00:20 running"});
    }
    SECTION("so it is after a restart")
    {
        house.start();
        house.pass(5s);
        CHECK(house.history() == History{});
    }
}

TEST_CASE("a job that its agent refuses is shown so, and each of its times is recorded", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/10 * * * * ?", {{"cron_type", "self"}});
    auto const link = std::make_shared<ListeningPeer>();
    link->reply = {{"refused", json::array{"cron job " + id + ": [403.10] `timezone` is Mars/Base"}}};
    house.presence.come(*Ip::parse("10.0.0.1"), link);
    house.settle();
    CHECK(house.entry().at("cron_flag") == "2");
    CHECK(house.entry().at("refused") == "[403.10] `timezone` is Mars/Base");
    house.pass(20s);
    CHECK(house.history() == History{"00:00:10 skipped", "00:00:20 skipped"});
    CHECK(house.engine.tasks().back().sync_error ==
          "skipped: the agent refuses the job: [403.10] `timezone` is Mars/Base");
    house.start();
    CHECK(house.entry().at("cron_flag") == "2");
    // Then it can.
    house.come();
    CHECK(house.entry().at("cron_flag") == "1");
    house.pass(20s);
    CHECK(house.history().size() == 2);
}

TEST_CASE("a job that is deleted or paused takes its waiting firings along", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0/10 * * * * ?", {{"overlap", "allow"}});
    house.pass(20s);
    house.engine.set_status(house.engine.tasks().front().id, TaskStatus::waiting);
    auto const method = GENERATE("delcronbyipid", "stopcron");
    house.call(method, {{"agentip", "10.0.0.1"}, {"id", id}});
    CHECK(house.history() == History{"00:00:10 canceled", "00:00:20 running"});
}

TEST_CASE("a run by hand is a task of its own, and goes by the overlap rule", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 0 3 1 1 ?", {{"overlap", GENERATE("skip", "allow", "replace")}});
    auto const overlap = std::string(house.entry().at("overlap").as_string());
    json::object const one{{"agentip", "10.0.0.1"}, {"id", id}};
    auto const first = house.call("runcron", one);
    CHECK(first.at("status") == "running");
    REQUIRE(house.engine.tasks().size() == 1);
    CHECK(house.engine.tasks().front().cron_id->text() == id);
    house.pass(1s);
    auto const second = house.call("runcron", one);
    CHECK(second.at("status") == (overlap == "skip" ? "skipped" : "running"));
    CHECK(house.engine.tasks().front().status ==
          (overlap == "replace" ? TaskStatus::canceled : TaskStatus::running));
    CHECK(house.engine.tasks().size() == 2);
    CHECK(house.refusal("runcron", {{"agentip", "10.0.0.2"}, {"id", id}}) == "411.1");
}
