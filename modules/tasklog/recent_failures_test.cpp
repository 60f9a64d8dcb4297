#include "tasklog/recent_failures.hpp"

#include "catch.hpp"
#include "unit/manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct Failures {
    ManualClock clock;
    RecentFailures failures{clock};
    std::uint64_t next_id = 1;

    Task task(TaskStatus status, std::string app = "nginx", std::string_view agent = "10.0.0.1")
    {
        Task task;
        task.id = TaskId(next_id++);
        task.agent = Ip::parse(agent).value();
        task.ins.app = std::move(app);
        task.ins.func = "reload";
        task.status = status;
        task.start = clock.now();
        task.end = clock.now();
        return task;
    }
    RecentFailures::Found find(Caller const& caller = {}) const
    {
        return failures.find(clock.now() - RecentFailures::kept, caller);
    }
};

Caller of_key(std::vector<std::string> apps, std::string_view range)
{
    auto key = std::make_shared<Key>();
    key->apps = std::move(apps);
    key->ips = {*IpRange::parse(range)};
    Caller caller;
    caller.key = std::move(key);
    return caller;
}

} // namespace

TEST_CASE("failures are counted by app and function, the most frequent first, with the latest", "[failures]")
{
    Failures house;
    house.failures.finished(house.task(TaskStatus::failed, "backup"));
    house.failures.finished(house.task(TaskStatus::failed));
    house.failures.finished(house.task(TaskStatus::done));
    auto last = house.task(TaskStatus::timeout);
    last.sync_error = std::string(500, 'x');
    house.failures.finished(last);
    auto const found = house.find();
    REQUIRE(found.groups.size() == 2);
    CHECK(found.groups[0].ins.app == "nginx");
    CHECK(found.groups[0].count() == 2);
    CHECK(found.groups[0].counts.at(TaskStatus::timeout) == 1);
    CHECK(found.groups[0].latest.id == last.id);
    CHECK(found.groups[0].latest.message.size() == 200);
    CHECK(found.groups[1].ins.app == "backup");
}

TEST_CASE("a key hears of failures of its apps and addresses alone", "[failures]")
{
    Failures house;
    house.failures.finished(house.task(TaskStatus::failed, "nginx", "10.0.0.1"));
    house.failures.finished(house.task(TaskStatus::failed, "nginx", "192.0.2.1"));
    house.failures.finished(house.task(TaskStatus::failed, "backup", "10.0.0.1"));
    auto const found = house.find(of_key({"nginx"}, "10.0.0.0/8"));
    REQUIRE(found.groups.size() == 1);
    CHECK(found.groups[0].count() == 1);
    CHECK(found.groups[0].latest.agent.text() == "10.0.0.1");
}

TEST_CASE("what is older than a day is not counted", "[failures]")
{
    Failures house;
    house.failures.finished(house.task(TaskStatus::failed, "old"));
    house.clock.advance(24h + 1s);
    house.failures.finished(house.task(TaskStatus::failed, "new"));
    auto const found = house.find();
    REQUIRE(found.groups.size() == 1);
    CHECK(found.groups[0].ins.app == "new");
}

TEST_CASE("where there are too many it says from when on all are counted", "[failures]")
{
    Failures house;
    for (std::size_t i = 0; i < RecentFailures::most; ++i)
        house.failures.finished(house.task(TaskStatus::failed));
    auto const begun = house.clock.now();
    house.clock.advance(1h);
    house.failures.finished(house.task(TaskStatus::failed));
    auto const found = house.find();
    CHECK(found.since > begun);
    REQUIRE(found.groups.size() == 1);
    CHECK(found.groups[0].count() <= RecentFailures::most);
}

TEST_CASE("failures from before a start are counted once, and before those that came since", "[failures]")
{
    Failures house;
    auto const older = house.task(TaskStatus::lost, "older");
    house.clock.advance(1h);
    RecentFailures failures(house.clock);
    auto const newer = house.task(TaskStatus::failed, "newer");
    failures.finished(newer);
    auto const since = house.clock.now() - 24h;
    failures.add_older({older, newer, house.task(TaskStatus::done)}, since);
    auto const found = failures.find(since, {});
    CHECK(found.since == since);
    REQUIRE(found.groups.size() == 2);
    CHECK(found.groups[0].count() == 1);
    CHECK(found.groups[1].count() == 1);
}
