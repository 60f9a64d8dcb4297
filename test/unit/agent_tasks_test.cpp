#include "agent/tasks.hpp"

#include "agent_support.hpp"
#include "catch.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

namespace {
TaskId id_of(std::uint64_t number) { return TaskId(number); }
std::string text_of(std::uint64_t number) { return TaskId(number).text(); }
} // namespace

TEST_CASE("a task is in the journal as started before its worker is", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    std::int64_t on_disk = 0;
    house.workers.on_start = [&](TaskId) { on_disk = house.count("stage = 'started'"); };
    auto const answer = house.instruct(text_of(1), "async");
    CHECK(answer->has_value());
    CHECK(on_disk == 1);
    CHECK(house.status(text_of(1)) == "running");
}

TEST_CASE("an instruction sent twice starts once, and is answered as taken again", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.instruct(text_of(1), "async");
    CHECK(house.instruct(text_of(1), "async")->has_value());
    house.workers.end(id_of(1));
    house.settle();
    CHECK(house.instruct(text_of(1), "async")->has_value());
    house.call("confirm", {{"id", json::array{text_of(1)}}});
    CHECK(house.instruct(text_of(1), "async")->has_value());
    CHECK(house.workers.started.size() == 1);
    CHECK(house.status(text_of(1)) == "done");
}

TEST_CASE("rt is answered with the result, and asked again with the same one", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    auto const first = house.instruct(text_of(1), "rt");
    auto const second = house.instruct(text_of(1), "rt");
    CHECK_FALSE(first->has_value());
    house.workers.end(id_of(1), 0, "no");
    house.settle();
    auto const third = house.instruct(text_of(1), "rt");
    for (auto const& answer : {first, second, third}) {
        REQUIRE(answer->has_value());
        CHECK((*answer)->at("worker_flag") == 0);
        CHECK((*answer)->at("worker_result") == "no");
        CHECK_FALSE((*answer)->contains("info"));
    }
    CHECK(house.workers.started.size() == 1);
    // Its answer was its report; it is only repeated on a new link.
    CHECK(house.results.empty());
    CHECK(house.tasks.unconfirmed().contains(id_of(1)));
}

TEST_CASE("past max_workers tasks wait, past max_queued they are refused before the journal", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 1});
    house.instruct(text_of(1), "async");
    house.instruct(text_of(2), "async");
    std::string error;
    house.instruct(text_of(3), "async", &error);
    CHECK(error.starts_with("[429.1]"));
    CHECK(house.count("1") == 2);
    CHECK(house.instruct(text_of(2), "async")->has_value());
    house.workers.end(id_of(1));
    house.settle();
    CHECK(house.workers.started == std::vector{id_of(1), id_of(2)});
    CHECK(house.status(text_of(3)) == "unknown");
}

TEST_CASE("after a crash what waited is started, and what ran becomes a result", "[agent]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock, {1, 10});
        house.instruct(text_of(1), "async");
        house.instruct(text_of(2), "async");
    }
    House house(machine.store, machine.io, machine.clock, {1, 10});
    CHECK(house.workers.started == std::vector{id_of(2)});
    CHECK(house.status(text_of(1)) == "failed");
    CHECK(house.tasks.unconfirmed().contains(id_of(1)));
    auto const again = house.instruct(text_of(1), "rt");
    REQUIRE(again->has_value());
    CHECK((*again)->at("worker_flag") == -1);
    CHECK((*again)->at("worker_result") == "the agent was stopped while the task ran");
    CHECK_FALSE((*again)->contains("exit_code"));
}

TEST_CASE("a task of the journal that can't be read is left alone, and the others are started", "[agent]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock, {1, 10});
        for (int n = 1; n <= 3; ++n) house.instruct(text_of(n), "async");
    }
    machine.store.db().script("UPDATE task SET ins = '{\"app\":' WHERE id = '" + text_of(2) + "'");
    House house(machine.store, machine.io, machine.clock, {1, 10});
    CHECK(house.workers.started == std::vector{id_of(3)});
    CHECK(house.status(text_of(2)) == "unknown");
    CHECK(machine.store.db().run("SELECT 1 FROM task WHERE id = '" + text_of(2) + "'").next());
}

TEST_CASE("a result of the journal that can't be read is left alone, too", "[agent]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock, {2, 10});
        for (int n = 1; n <= 2; ++n) {
            house.instruct(text_of(n), "async");
            house.workers.end(id_of(n));
        }
        house.settle();
    }
    machine.store.db().script("UPDATE task SET result = '{' WHERE id = '" + text_of(1) + "'");
    House const house(machine.store, machine.io, machine.clock, {2, 10});
    CHECK_FALSE(house.tasks.unconfirmed().contains(id_of(1)));
    CHECK(house.tasks.unconfirmed().contains(id_of(2)));
}

TEST_CASE("a task that the journal won't take is refused and not started", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 10});
    machine.store.fail_next();
    std::string error;
    house.instruct(text_of(1), "async", &error);
    CHECK(error.starts_with("[507.1]"));
    CHECK(house.workers.started.empty());
    CHECK(house.status(text_of(1)) == "unknown");
    CHECK(house.instruct(text_of(1), "async")->has_value());
    CHECK(house.workers.started.size() == 1);
}

TEST_CASE(
    "a task of which nobody knows whether it is in the journal is not refused, but written again", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 10});
    machine.store.doubt_next(GENERATE(true, false));
    std::string error;
    auto const answer = house.instruct(text_of(1), "async", &error);
    CHECK_FALSE(answer->has_value());
    CHECK(error.empty());
    CHECK(house.workers.started.empty());
    SECTION("until it is: it starts once")
    {
        house.pass(1s);
        CHECK(answer->has_value());
        CHECK(house.workers.started == std::vector{id_of(1)});
        CHECK(house.status(text_of(1)) == "running");
        CHECK(house.instruct(text_of(1), "async")->has_value());
        CHECK(house.workers.started.size() == 1);
    }
    SECTION("a disk that refuses the second try leaves the doubt")
    {
        machine.store.fail_next();
        house.pass(1s);
        CHECK_FALSE(answer->has_value());
        CHECK(error.empty());
        house.pass(2s);
        CHECK(answer->has_value());
        CHECK(house.workers.started == std::vector{id_of(1)});
    }
    SECTION("nothing is said of it meanwhile, for a crash would decide it")
    {
        std::string why;
        CHECK_FALSE(house.call("status", {{"id", json::array{text_of(1)}}}, &why)->has_value());
        CHECK(why.starts_with("[507.1]"));
        std::string not_canceled;
        CHECK_FALSE(house.call("cancel", {{"id", text_of(1)}}, &not_canceled)->has_value());
        CHECK(not_canceled.starts_with("[507.1]"));
        house.pass(1s);
        CHECK(answer->has_value());
        CHECK(house.workers.started.empty()); // The cancel counts all the same.
        CHECK(house.status(text_of(1)) == "failed");
    }
    SECTION("sent once more it waits, too, and starts once")
    {
        auto const again = house.instruct(text_of(1), "async");
        CHECK_FALSE(again->has_value());
        for (int second = 0; second < 3; ++second) house.pass(1s);
        CHECK(answer->has_value());
        CHECK(again->has_value());
        CHECK(house.workers.started == std::vector{id_of(1)});
    }
}

TEST_CASE("what ended before is not taken for what was in doubt", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 10});
    house.instruct(text_of(1), "async");
    house.workers.end(id_of(1));
    house.settle();
    machine.store.doubt_next(true);
    auto const again = house.instruct(text_of(1), "async");
    house.pass(1s);
    CHECK(again->has_value());
    CHECK(house.workers.started.size() == 1);
    CHECK(house.status(text_of(1)) == "done");
}

TEST_CASE("a result that the journal won't take is told, and written when it can be", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.instruct(text_of(1), "async");
    machine.store.fail_all(true);
    house.workers.end(id_of(1));
    house.settle();
    CHECK(house.results == std::vector{id_of(1)});
    CHECK_FALSE(house.tasks.is_idle());
    machine.store.fail_all(false);
    house.pass(2s);
    CHECK(house.tasks.is_idle());
    CHECK(house.count("stage = 'done'") == 1);
}

TEST_CASE(
    "an rt task whose time is over before its turn comes is not started: its sender was told that it failed",
    "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 10});
    house.instruct(text_of(1), "async");
    auto const answer = house.call("instruct",
        {{"id", text_of(2)}, {"type", "rt"}, {"ins", {{"app", "a"}, {"func", "f"}, {"timeout", 5}}}});
    house.instruct(text_of(3), "async");
    house.pass(5s);
    CHECK_FALSE(answer->has_value());
    house.workers.end(id_of(1));
    house.settle();
    REQUIRE(answer->has_value());
    CHECK((*answer)->at("worker_flag") == -1);
    CHECK(std::string((*answer)->at("worker_result").as_string()).starts_with("[410.4]"));
    CHECK(house.workers.started == std::vector<TaskId>{id_of(1), id_of(3)});
}

TEST_CASE("a confirmation that the journal won't take is written when it can be", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.instruct(text_of(1), "async");
    house.workers.end(id_of(1));
    house.settle();
    machine.store.fail_next(2);
    house.call("confirm", {{"id", json::array{text_of(1)}}});
    CHECK(house.count("confirmed IS NOT NULL") == 0);
    house.pass(1s);
    CHECK(house.count("confirmed IS NOT NULL") == 0);
    house.pass(2s);
    CHECK(house.count("confirmed IS NOT NULL") == 1);
}

TEST_CASE(
    "a task that is canceled before its turn is said to be so when it would stay so after a crash", "[agent]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock, {1, 10});
        house.instruct(text_of(1), "async");
        house.instruct(text_of(2), "async");
        machine.store.fail_all(true);
        auto const canceled = house.call("cancel", {{"id", text_of(2)}});
        house.pass(10s);
        CHECK_FALSE(canceled->has_value());
        CHECK(house.results.empty());
        CHECK(house.tasks.unconfirmed().empty());
        CHECK(house.status(text_of(2)) == "running");
        machine.store.fail_all(false);
        house.pass(10s);
        CHECK(canceled->has_value());
        CHECK(house.results.size() == 1);
    }
    House house(machine.store, machine.io, machine.clock);
    CHECK(house.workers.started.empty());
}

TEST_CASE(
    "a cancel stops a task that runs, one that waits, and does not know one that was never here", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 10});
    house.instruct(text_of(1), "async");
    house.instruct(text_of(2), "async");
    CHECK(house.call("cancel", {{"id", text_of(2)}})->has_value());
    CHECK(house.call("cancel", {{"id", text_of(1)}})->has_value());
    std::string error;
    CHECK_FALSE(house.call("cancel", {{"id", text_of(9)}}, &error)->has_value());
    CHECK(error.starts_with("[416.1]"));
    house.settle();
    CHECK(house.workers.started.size() == 1);
    CHECK(house.status(text_of(1)) == "failed");
    CHECK(house.status(text_of(2)) == "failed");
}

TEST_CASE("an instruction's fields are checked before anything is done", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    std::string error;
    house.instruct("12", "async", &error);
    CHECK(error.starts_with("[403.9]"));
    house.instruct(text_of(1), "now", &error);
    CHECK(error.starts_with("[403.10]"));
    CHECK(house.count("1") == 0);
}

TEST_CASE("confirmed tasks are forgotten after their time", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    house.instruct(text_of(1), "async");
    house.instruct(text_of(2), "async");
    house.workers.end(id_of(1));
    house.settle();
    house.call("confirm", {{"id", json::array{text_of(1)}}});
    house.clock.advance(1h);
    CHECK(agent::Journal::prune(machine.store.db(), house.clock.now(), 0) == 0);
    CHECK(agent::Journal::prune(machine.store.db(), house.clock.now(), 100) == 1);
    CHECK(house.status(text_of(1)) == "unknown");
    CHECK(house.status(text_of(2)) == "running");
}

TEST_CASE("what waits for a worker of a machine that its server refuses ends unstarted", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {1, 10});
    house.instruct(text_of(1), "async");
    house.instruct(text_of(2), "async");
    house.tasks.set_refused("key K is disabled");
    house.settle();
    CHECK(house.results == std::vector{id_of(2)});
    CHECK(house.status(text_of(2)) == "failed");
    CHECK(house.count("not_started = 1") == 1);
    // It may end what it has begun.
    house.workers.end(id_of(1));
    house.settle();
    CHECK(house.workers.started == std::vector{id_of(1)});
    // With its key again, it may be asked once more.
    house.tasks.set_refused("");
    CHECK(house.instruct(text_of(2), "async")->has_value());
    CHECK(house.workers.started == std::vector{id_of(1), id_of(2)});
}

TEST_CASE("what waited for a worker does not start after a restart while the machine is refused", "[agent]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock, {1, 10});
        house.instruct(text_of(1), "async");
        house.instruct(text_of(2), "async");
    }
    House house(machine.store, machine.io, machine.clock, {1, 10}, {}, "key K is disabled");
    CHECK(house.workers.started.empty());
    CHECK(house.status(text_of(2)) == "failed");
    CHECK(house.count("not_started = 1") == 1);
}

TEST_CASE("what this host's rules are against is refused, and leaves nothing in the journal", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock, {}, RunRules(std::nullopt, {"apptest.echo"}, true));
    for (auto const* const type : {"rt", "async", "cron"}) {
        std::string error;
        house.instruct(text_of(1), type, &error);
        CHECK(error == "[401.6] this agent's own settings deny apptest.echo ([agent] deny)");
    }
    CHECK(house.count("1") == 0);
    CHECK(house.workers.started.empty());
    CHECK(house.status(text_of(1)) == "unknown");
}

TEST_CASE("what was taken under other rules is answered as before, and does not start", "[agent]")
{
    Machine machine;
    {
        House house(machine.store, machine.io, machine.clock, {1, 10});
        house.instruct(text_of(1), "async");
        house.instruct(text_of(2), "async");
        house.workers.end(id_of(1));
        house.settle();
        house.instruct(text_of(3), "async");
        CHECK(house.status(text_of(3)) == "running");
        CHECK(house.workers.started.size() == 2);
    }
    House house(machine.store, machine.io, machine.clock, {1, 10}, RunRules({{"other"}}, {}, true));
    CHECK(house.workers.started.empty());
    CHECK(house.status(text_of(1)) == "done");
    CHECK(house.status(text_of(3)) == "failed");
    auto const answer = house.call("status", {{"id", json::array{text_of(3)}}});
    CHECK((*answer)->at("info").at(0).at("worker_result") ==
          "[401.6] this agent's own settings do not allow apptest.echo ([agent] allow)");
    // It is known: an answer, no refusal.
    CHECK(house.instruct(text_of(3), "async")->has_value());
    CHECK(house.count("stage = 'done'") == 3);
}
