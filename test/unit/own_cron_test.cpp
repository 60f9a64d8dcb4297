#include "agent/own_cron.hpp"

#include "agent_support.hpp"
#include "catch.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

namespace {

json::object job(std::uint64_t id, std::string const& rule, json::object const& more = {})
{
    json::object entry{{"cron_id", TaskId(id).text()}, {"rule", rule}, {"timezone", "UTC"},
        {"ins", {{"app", "apptest"}, {"func", "echo"}, {"param", "x"}}}};
    for (auto const& field : more) entry[field.key()] = field.value();
    return entry;
}

std::vector<std::string> skipped(House& house)
{
    std::vector<std::string> all;
    auto row = house.store.db().run(
        "SELECT json_extract(result, '$.worker_result') FROM task WHERE skipped = 1 ORDER BY fire_time");
    while (row.next()) all.emplace_back(row.text(0));
    return all;
}

constexpr auto each_minute = "0 * * * * ?";

} // namespace

TEST_CASE("an own job fires at its times, with a task of its own each time", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    CHECK(house.workers.started.empty());
    house.pass(60s);
    REQUIRE(house.workers.started.size() == 1);
    house.workers.end(house.workers.started.back());
    house.settle();
    house.pass(60s);
    REQUIRE(house.workers.started.size() == 2);
    CHECK(house.workers.started[0] != house.workers.started[1]);
    CHECK(house.results.size() == 1);
}

TEST_CASE("an agent keeps a thousand jobs of its own, and says which it does not keep", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    json::array list;
    for (std::uint64_t id = 1; id <= 1'001; ++id) list.push_back(job(id, each_minute));
    auto const answer = house.call("setcrons", {{"cron_list", list}});
    REQUIRE((*answer)->at("refused").as_array().size() == 1);
    auto const refused = std::string((*answer)->at("refused").at(0).as_string());
    CHECK(refused.starts_with("cron job " + TaskId(1'001).text() + ": [429.1] an agent keeps 1000 jobs"));
}

TEST_CASE(
    "a run that is still going on makes the next turn skipped, or is allowed, or replaced", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    auto const overlap = GENERATE("skip", "allow", "replace");
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"overlap", overlap}})}}});
    house.pass(60s);
    auto const first = house.workers.started.at(0);
    house.pass(60s);
    bool const skips = std::string(overlap) == "skip";
    CHECK(house.workers.started.size() == (skips ? 1U : 2U));
    CHECK(house.workers.runs(first) == (std::string(overlap) != "replace"));
    CHECK(skipped(house).size() == (skips ? 1U : 0U));
}

TEST_CASE("a bad entry is named and left out, the others fire", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    auto const answer = house.call("setcrons",
        {{"cron_list",
            json::array{job(1, "every day"), job(2, each_minute), json::value(3), job(2, each_minute)}}});
    REQUIRE(answer->has_value());
    CHECK((*answer)->at("refused").as_array().size() == 3);
    CHECK((*answer)->at("refused").at(0).as_string().find(TaskId(1).text()) != json::string::npos);
    house.pass(60s);
    CHECK(house.workers.started.size() == 1);
}

TEST_CASE("own jobs fire after a restart without a server", "[agent][cron]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    }
    House house(machine.store, machine.io, machine.clock);
    house.pass(60s);
    CHECK(house.workers.started.size() == 1);
}

TEST_CASE(
    "times missed while the agent was down are one skipped task, and with once one run", "[agent][cron]")
{
    Machine machine;
    auto const misfire = GENERATE("skip", "once");
    bool const once = std::string(misfire) == "once";
    {
        House house(machine.store, machine.io, machine.clock);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"misfire", misfire}})}}});
    }
    auto const minutes = GENERATE(1, 5);
    machine.clock.advance(std::chrono::minutes(minutes) + 30s);
    {
        House house(machine.store, machine.io, machine.clock);
        house.settle();
        CHECK(house.workers.started.size() == (once ? 1U : 0U));
        REQUIRE(skipped(house).size() == 1);
        auto const text = skipped(house)[0];
        CHECK(text.find(minutes == 1 ? " 1 time from 2026-01-01 00:01:00"
                                     : " 5 times from 2026-01-01 00:01:00") != std::string::npos);
        CHECK(text.find("was down") != std::string::npos);
        if (once) {
            house.workers.end(house.workers.started[0]);
            house.settle();
        }
        // From here on as ever.
        house.pass(60s);
        CHECK(house.workers.started.size() == (once ? 2U : 1U));
    }
    House house(machine.store, machine.io, machine.clock);
    CHECK(skipped(house).size() == 1);
}

TEST_CASE(
    "the same list again disturbs nothing, and a firing is never repeated after a crash", "[agent][cron]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
        house.pass(60s);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
        house.pass(0s);
        CHECK(house.workers.started.size() == 1);
    }
    House house(machine.store, machine.io, machine.clock);
    house.pass(1s);
    CHECK(house.workers.started.empty());
    CHECK(house.count("cron_id IS NOT NULL") == 1);
}

TEST_CASE("a turn on its way to disk while the same list is set does not pass for a missed one after a crash",
    "[agent][cron]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
        machine.clock.advance(60s);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
        CHECK(house.workers.started.size() == 1);
    }
    machine.clock.advance(30s);
    House house(machine.store, machine.io, machine.clock);
    CHECK(skipped(house).empty());
    house.pass(30s);
    CHECK(house.workers.started.size() == 1);
}

TEST_CASE("of two lists that come while a turn is on its way to disk, the later one stands", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    machine.clock.advance(60s);
    auto const first = house.begin("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    auto const second = house.begin("setcrons", {{"cron_list", json::array{}}});
    house.settle();
    CHECK((first->has_value() && second->has_value()));
    CHECK(house.workers.started.size() == 1);
    house.pass(300s);
    CHECK(house.workers.started.size() == 1);
}

TEST_CASE("after a list that the journal won't take, the jobs of the one before fire on", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    machine.store.fail_next();
    std::string error;
    house.call("setcrons", {{"cron_list", json::array{}}}, &error);
    CHECK(error.find("507.1") != std::string::npos);
    house.pass(60s);
    CHECK(house.workers.started.size() == 1);
}

TEST_CASE("a turn that the journal won't take is taken when it can be", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    machine.store.fail_all(true);
    house.pass(60s);
    CHECK(house.workers.started.empty());
    machine.store.fail_all(false);
    house.pass(6s);
    CHECK(house.workers.started.size() == 1);
    CHECK(house.count("skipped = 0") == 1);
}

TEST_CASE("a turn whose predecessor could not be recorded is not recorded before it", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, "* * * * * ?", {{"overlap", "allow"}})}}});
    auto const fire_seconds = [&] {
        std::vector<std::int64_t> all;
        auto row =
            machine.store.db().run("SELECT fire_time FROM task WHERE cron_id IS NOT NULL ORDER BY fire_time");
        while (row.next()) all.push_back(row.number(0) / 1'000 % 60);
        return all;
    };
    if (GENERATE(false, true))
        machine.store.doubt_next(false);
    else
        machine.store.fail_next();
    // Both are on their way to disk before it is known that the first did not get there.
    machine.clock.advance(1s);
    machine.clock.advance(1s);
    house.settle();
    auto const recorded = fire_seconds(); // What a crash would leave now.
    CHECK((recorded.empty() || recorded.front() == 1));
    SECTION("and both run when the journal takes turns again")
    {
        for (int second = 0; second < 6; ++second) house.pass(1s);
        CHECK(fire_seconds() == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8});
        CHECK(skipped(house).empty());
    }
    SECTION("also where the job is taken away meanwhile")
    {
        house.call("setcrons", {{"cron_list", json::array{}}});
        for (int second = 0; second < 6; ++second) house.pass(1s);
        auto const all = fire_seconds();
        CHECK((all.empty() || all.front() == 1));
    }
}

TEST_CASE("a clock that is set back after the start makes no time of a new job a missed one", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    machine.clock.jump(machine.clock.now() - 2h);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"jitter", 20}})}}});
    for (int second = 0; second < 90; ++second) house.pass(1s);
    CHECK(house.workers.started.size() == 1);
    CHECK(skipped(house).empty());
}

TEST_CASE(
    "a clock that is set back while a turn waits for the journal keeps none from its turn", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    machine.store.fail_all(true);
    house.pass(60s);
    machine.store.fail_all(false);
    machine.clock.jump(machine.clock.now() - 10s);
    for (int second = 0; second < 20; ++second) house.pass(1s);
    CHECK(house.workers.started.size() == 1);
    // The same with a job that is new: what holds it up is no time of day.
    machine.store.fail_all(true);
    for (int second = 0; second < 60; ++second) house.pass(1s);
    machine.store.fail_all(false);
    machine.clock.jump(machine.clock.now() - 2h);
    house.call("setcrons", {{"cron_list", json::array{job(2, each_minute)}}});
    for (int second = 0; second < 70; ++second) house.pass(1s);
    CHECK(house.workers.started.size() == 2);
}

TEST_CASE("a job taken off the list fires no more", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    house.call("setcrons", {{"cron_list", json::array{}}});
    house.pass(300s);
    CHECK(house.workers.started.empty());
}

TEST_CASE("a job that this host's rules are against fires nothing, and each time says why", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {}, RunRules({{"nginx.*"}}, {}, true));
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    house.pass(60s);
    house.pass(60s);
    CHECK(house.workers.started.empty());
    REQUIRE(skipped(house).size() == 2);
    CHECK(skipped(house)[0] ==
          "skipped: [401.6] this agent's own settings do not allow apptest.echo ([agent] allow)");
}

TEST_CASE("a job that the server has had for a while counts from then on", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    auto const once = GENERATE(false, true);
    auto const since = machine.clock.now();
    machine.clock.advance(190s);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute,
                                              {{"since", std::to_string(since.time_since_epoch().count())},
                                                  {"misfire", once ? "once" : "skip"}})}}});
    house.pass(0s);
    house.pass(0s);
    REQUIRE(skipped(house).size() == 1);
    CHECK(skipped(house)[0].find(
              "3 times from 2026-01-01 00:01:00 to 2026-01-01 00:03:00 passed while the agent "
              "did not have the job") != std::string::npos);
    CHECK(house.workers.started.size() == (once ? 1U : 0U));
}

TEST_CASE("a crash between the record of missed times and the run that makes up for them owes the run",
    "[agent][cron]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock);
        house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"misfire", "once"}})}}});
    }
    machine.clock.advance(150s);
    // The first is on disk, the second is not.
    auto const now = std::to_string(machine.clock.now().time_since_epoch().count());
    machine.store.db().script("UPDATE cron SET accounted = " + now + ", owed = " + now + " - 30000");
    House house(machine.store, machine.io, machine.clock);
    house.pass(0s);
    CHECK(skipped(house).empty());
    CHECK(house.count("skipped = 0 AND cron_id IS NOT NULL") == 1);
    CHECK(house.count("cron_id IN (SELECT id FROM cron WHERE owed IS NULL)") == 1);
}

TEST_CASE("what jitter still delays of a job that is taken away or changed is recorded", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"jitter", 50}})}}});
    if (cron_life::delay_of(TaskId(1), 50s) == 0s) return;
    house.pass(60s);
    REQUIRE(house.workers.started.empty());
    bool const is_changed = GENERATE(false, true);
    json::array next;
    if (is_changed) next.push_back(job(1, "0 30 * * * ?"));
    auto const answer = house.call("setcrons", {{"cron_list", next}});
    REQUIRE(skipped(house).size() == 1);
    CHECK(
        skipped(house)[0].ends_with(is_changed ? "the job was changed" : "the job was taken from the agent"));
    if (is_changed) return;
    auto const& removed = (*answer)->at("removed").at(0).as_object();
    CHECK(removed.at("cron_id") == json::value(TaskId(1).text()));
    CHECK(removed.at("accounted") ==
          json::value(std::to_string(machine.clock.now().time_since_epoch().count())));
}

TEST_CASE("after its clock was set back an agent fires again at once, and nothing twice", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"overlap", "allow"}})}}});
    machine.clock.jump(machine.clock.now() + 1h);
    for (int second = 0; second < 61; ++second) house.pass(1s);
    REQUIRE(house.workers.started.size() == 1);
    machine.clock.jump(machine.clock.now() - 1h);
    for (int second = 0; second < 66; ++second) house.pass(1s);
    CHECK(house.workers.started.size() == 2);
    for (int second = 0; second < 3'600; second += 5) {
        house.pass(5s);
        for (auto const id : house.workers.started) house.workers.end(id);
        house.settle();
    }
    CHECK(house.count("skipped = 0") == static_cast<std::int64_t>(house.workers.started.size()));
    CHECK(house.workers.started.size() == 61); // One of them ran an hour early.
}

TEST_CASE("a time that the agent has started is not started for the server too", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    house.pass(60s);
    REQUIRE(house.workers.started.size() == 1);
    json::object fields{{"id", TaskId(77).text()}, {"type", "cron"}, {"cron_id", TaskId(1).text()},
        {"fire_time", std::to_string(machine.clock.now().time_since_epoch().count())},
        {"ins", {{"app", "apptest"}, {"func", "echo"}}}};
    std::string error;
    house.call("instruct", fields, &error);
    CHECK(error.starts_with("[403.10]"));
    CHECK(error.find(house.workers.started[0].text()) != std::string::npos);
    CHECK(house.workers.started.size() == 1);
    // Another time of it, and that one twice.
    fields["fire_time"] = std::to_string((machine.clock.now() + 1s).time_since_epoch().count());
    CHECK(house.call("instruct", fields)->has_value());
    CHECK(house.call("instruct", fields)->has_value());
    CHECK(house.workers.started.size() == 2);
}

TEST_CASE("a firing of the server's keeps an own one from starting while it runs", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("instruct", {{"id", TaskId(77).text()}, {"type", "cron"}, {"cron_id", TaskId(1).text()},
                               {"fire_time", std::to_string(machine.clock.now().time_since_epoch().count())},
                               {"ins", {{"app", "apptest"}, {"func", "echo"}}}});
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    house.pass(60s);
    CHECK(house.workers.started.size() == 1);
    REQUIRE(skipped(house).size() == 1);
    CHECK(skipped(house)[0].find(TaskId(77).text()) != std::string::npos);
}

TEST_CASE("a run that goes on for a moment is told, a quick one is not", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute)}}});
    house.pass(60s);
    REQUIRE(house.workers.started.size() == 1);
    bool const is_quick = GENERATE(false, true);
    if (is_quick) house.workers.end(house.workers.started[0]);
    house.settle();
    house.pass(250ms);
    CHECK(house.told.size() == (is_quick ? 0U : 1U));
}

TEST_CASE("a run that a newer one replaces is reported as canceled", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.call("setcrons", {{"cron_list", json::array{job(1, each_minute, {{"overlap", "replace"}})}}});
    house.pass(60s);
    auto const first = house.workers.started.at(0);
    house.pass(60s);
    CHECK_FALSE(house.workers.runs(first));
    CHECK(house.count("replaced = 1") == 1);
}
