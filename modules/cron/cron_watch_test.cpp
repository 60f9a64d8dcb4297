#include "cron/cron_watch.hpp"

#include "catch.hpp"
#include "support/cron_house.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Instant at(std::chrono::milliseconds since) { return Instant(1'767'225'600'000ms) + since; }

CronJob watched(std::uint64_t id, Watched so_far)
{
    CronJob job(TaskId(id), QuartzRule::parse("0 0 * * * ?"));
    job.watch = "tick";
    job.watched = so_far;
    return job;
}

std::size_t numbers_of(CronHouse const& house, Watched& found)
{
    for (auto const& [name, id] : house.jobs->watched()) found = house.jobs->find(id)->watched;
    return house.jobs->watched().size();
}

} // namespace

TEST_CASE("of jobs that share a name the one whose last run failed is shown", "[cron][watch]")
{
    auto const well = watched(1, {at(10h), at(10h + 1min), at(10h + 1min)});
    auto const failed = watched(2, {at(9h), at(9h + 1min), at(8h + 1min)});
    auto const found = watched_name({&well, &failed}, Zone());
    CHECK(found.ended == at(9h + 1min));
    CHECK(found.succeeded == at(8h + 1min));
    CHECK(found.next == at(10h));
}

TEST_CASE("of jobs that are well the one that succeeded the longest ago is shown", "[cron][watch]")
{
    auto const late = watched(1, {at(8h), at(8h + 1min), at(8h + 1min)});
    auto const well = watched(2, {at(10h), at(10h + 1min), at(10h + 1min)});
    CHECK(watched_name({&well, &late}, Zone()).succeeded == at(8h + 1min));
}

TEST_CASE("a job that has not run yet hides no other of its name", "[cron][watch]")
{
    auto const fresh = watched(1, {at(10h), {}, {}});
    auto const well = watched(2, {at(10h), at(10h + 1min), at(10h + 1min)});
    CHECK(watched_name({&fresh, &well}, Zone()).succeeded == at(10h + 1min));
    CHECK_FALSE(watched_name({&fresh}, Zone()).ended);
}

TEST_CASE("a job that is paused is due never", "[cron][watch]")
{
    auto job = watched(1, {at(8h), {}, {}});
    CHECK(watched_name({&job}, Zone()).next == at(9h));
    job.on = false;
    CHECK_FALSE(watched_name({&job}, Zone()).next);
}

TEST_CASE("the end of a run of a watched job is known, also after a restart", "[cron][watch]")
{
    CronHouse house;
    house.start();
    house.set("0 * * * * ?", {{"watch", "tick"}});
    house.pass(61s);
    REQUIRE(house.engine.tasks().size() == 1);
    house.engine.finish(house.engine.tasks()[0].id, TaskStatus::failed);
    house.pass(60s);
    house.engine.finish(house.engine.tasks()[1].id, TaskStatus::done);
    house.settle();
    Watched before;
    REQUIRE(numbers_of(house, before) == 1);
    CHECK(before.ended == before.succeeded);
    CHECK(before.from == at(2min));
    house.start();
    Watched after;
    REQUIRE(numbers_of(house, after) == 1);
    CHECK(after.ended == before.ended);
    CHECK(after.succeeded == before.succeeded);
    CHECK(after.from == before.from);
}

TEST_CASE("watched jobs that are overdue for a while are warned of, by name", "[cron][watch]")
{
    CronHouse house;
    house.start();
    house.set("0 * * * * ?", {{"watch", "tick"}, {"overlap", "skip"}});
    house.set("0 * * * * ?", {{"watch", "paused"}, {"overlap", "skip"}});
    house.set("0 * * * * ?", {{"overlap", "skip"}});
    for (auto const& [name, id] : house.jobs->watched()) {
        if (name == "paused") house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", id.text()}});
    }
    house.pass(125s); // Its task never ends, and later times are skipped.
    CHECK(overdue_warning(*house.jobs, Zone(), at(1min + overdue_after)).empty());
    auto const line = overdue_warning(*house.jobs, Zone(), at(1min + overdue_after + 1s));
    CHECK_THAT(line, Catch::Contains("tick (since 2026-01-01 00:01:00)"));
    CHECK_THAT(line, !Catch::Contains("paused"));
}

TEST_CASE("a time that is skipped leaves a watched job overdue", "[cron][watch]")
{
    CronHouse house;
    house.start();
    house.set("0 * * * * ?", {{"watch", "tick"}, {"overlap", "skip"}});
    house.pass(125s);
    Watched found;
    REQUIRE(numbers_of(house, found) == 1);
    CHECK(found.from == at(0s));
    CHECK_FALSE(found.ended);
    auto const& [name, id] = *house.jobs->watched().begin();
    CHECK(watched_name({house.jobs->find(id)}, Zone()).next == at(1min));
}

TEST_CASE(
    "a job that is set again with other times is due from then on, and keeps what is known", "[cron][watch]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?", {{"watch", "tick"}});
    house.pass(61s);
    house.engine.finish(house.engine.tasks()[0].id, TaskStatus::done);
    house.pass(9s);
    house.set("0 0 * * * ?", {{"watch", "tick"}, {"id", id}});
    Watched found;
    REQUIRE(numbers_of(house, found) == 1);
    CHECK(found.from == at(70s));
    CHECK(found.succeeded);
    house.set("0 0 * * * ?", {{"id", id}});
    CHECK(numbers_of(house, found) == 0);
}

TEST_CASE("500 jobs can be watched, and one more is refused", "[cron][watch]")
{
    CronHouse house;
    house.start();
    std::string last;
    for (std::size_t i = 0; i < CronJobs::most_watched; ++i)
        last = house.set("0 0 3 * * ?", {{"watch", "w" + std::to_string(i)}});
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 0 3 * * ?", {{"watch", "more"}})) == "429.1");
    house.set("0 0 3 * * ?", {{"id", last}});
    house.set("0 0 3 * * ?", {{"watch", "more"}});
}
