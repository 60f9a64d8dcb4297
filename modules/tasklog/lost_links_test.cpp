// What the dispatcher does about links that are lost and come back, and about cancels.
#include "catch.hpp"
#include "support/engine_fixture.hpp"

using namespace elves;
using namespace std::chrono_literals;
using Calls = std::vector<std::string>;

namespace {

/// A task that its agent has taken, and then its link is lost.
struct Cut : EngineFixture {
    Cut()
    {
        come();
        send();
        id = newest();
        answer(true);
        go();
    }
    TaskId id;
};

} // namespace

TEST_CASE("on a new link the agent is asked about what it is thought to have", "[engine]")
{
    Cut house;
    house.come();
    REQUIRE(house.calls() == Calls{"status"});
    CHECK(house.link->calls[0].fields.at("id").at(0).as_string() == house.id.text());
    SECTION("it is at it")
    {
        house.answer_status(house.id, "running");
        CHECK(house.status(house.id) == TaskStatus::running);
    }
    SECTION("it does not know it")
    {
        house.answer_status(house.id, "unknown");
        CHECK(house.status(house.id) == TaskStatus::lost);
    }
    SECTION("it is done: that is confirmed once it is on disk")
    {
        house.answer_status(house.id, "done");
        CHECK(house.status(house.id) == TaskStatus::done);
        CHECK(house.link->casts.size() == 1);
    }
    SECTION("it does not say")
    {
        house.pass(10s);
        CHECK(house.status(house.id) == TaskStatus::lost);
    }
    SECTION("it refuses to say")
    {
        house.answer(false, "[404.2] no such method");
        CHECK(house.status(house.id) == TaskStatus::lost);
        CHECK(house.task(house.id).sync_error.find("404.2") != std::string::npos);
    }
    SECTION("it can't say now: it is asked again when its time is over")
    {
        house.answer(
            false, GENERATE("[429.1] the answer is over server.max_frame", "[507.1] the disk is full"));
        CHECK(house.status(house.id) == TaskStatus::running);
        house.pass(90s);
        house.answer_status(house.id, "done");
        CHECK(house.status(house.id) == TaskStatus::done);
    }
    SECTION("it is stopping: what it has is asked again when it is back")
    {
        house.answer(false, "[503.1] shutting down");
        CHECK(house.status(house.id) == TaskStatus::running);
        house.go();
        house.come();
        house.answer_status(house.id, "done");
        CHECK(house.status(house.id) == TaskStatus::done);
    }
    SECTION("the link is lost meanwhile: nothing is known")
    {
        house.go();
        CHECK(house.status(house.id) == TaskStatus::running);
    }
}

TEST_CASE("an agent that does not come back has lost its task after its timeout plus lost_after", "[engine]")
{
    Cut house;
    SECTION("the server stands") {}
    SECTION("the server starts anew") { house.start(); }
    house.pass(89s);
    CHECK_FALSE(is_final(house.status(house.id)));
    house.pass(1s);
    CHECK(house.status(house.id) == TaskStatus::lost);
    // Its result is taken all the same.
    house.report(house.id);
    CHECK(house.status(house.id) == TaskStatus::lost);
    CHECK(house.task(house.id).report->result == "fine");
}

TEST_CASE("an agent that is at a task beyond its time is asked again and again", "[engine]")
{
    EngineFixture house;
    house.come();
    house.send();
    auto const id = house.newest();
    house.answer(true);
    house.pass(90s);
    REQUIRE(house.calls() == Calls{"instruct", "status"});
    house.answer_status(id, "running");
    house.pass(60s);
    REQUIRE(house.calls() == Calls{"instruct", "status", "status"});
    house.answer_status(id, "done");
    CHECK(house.status(id) == TaskStatus::done);
    house.pass(600s);
    CHECK(house.calls().size() == 3);
}

TEST_CASE("a sendsync whose link is lost waits for the agent to come back", "[engine]")
{
    EngineFixture house;
    house.come();
    auto const told = house.run_sync();
    auto const id = house.newest();
    house.go();
    house.pass(10s);
    CHECK_FALSE(told.is_there());
    house.come();
    house.answer_status(id, "done");
    CHECK(told.get().report->result == "fine");
}

TEST_CASE("a task that is being handed over on a link is not asked about on it", "[engine]")
{
    EngineFixture house;
    house.come();
    house.send();
    house.presence.come(house.agent, house.link);
    house.settle();
    CHECK(house.calls() == Calls{"instruct"});
}

TEST_CASE("a cancel is told to the agent that has the task, until it knows", "[engine]")
{
    EngineFixture house;
    house.come();
    house.send();
    auto const id = house.newest();
    house.answer(true);
    CHECK(house.cancel(id).get().status == TaskStatus::canceled);
    REQUIRE(house.calls() == Calls{"instruct", "cancel"});
    SECTION("it knows, and is told no more")
    {
        house.answer(true);
        house.go();
        house.come();
        house.pass(600s);
        CHECK(house.calls().empty());
    }
    SECTION("it never had it")
    {
        house.answer(false, "[416.1] no such task");
        house.go();
        house.come();
        CHECK(house.calls().empty());
    }
    SECTION("it is stopping: the task may begin after its restart, and it is told then")
    {
        house.answer(false, "[503.1] shutting down");
        house.go();
        house.come();
        CHECK(house.calls() == Calls{"cancel"});
    }
    SECTION("its link is lost: it is told on the next one, long after the task's time too")
    {
        house.go();
        house.pass(3600s);
        house.come();
        CHECK(house.calls() == Calls{"cancel"});
        house.answer(true);
        CHECK_FALSE(house.engine->open(id));
    }
    SECTION("after a day it is given up")
    {
        house.go();
        for (int hour = 0; hour < 25; ++hour) house.pass(3600s);
        CHECK_FALSE(house.engine->open(id));
    }
}

TEST_CASE("a task that waits under its ttl is canceled without a word to anyone", "[engine]")
{
    EngineFixture house;
    auto order = house.order();
    order.ins.ttl = 60s;
    auto const id = house.send(order).get().task.id;
    CHECK(house.cancel(id).get().status == TaskStatus::canceled);
    house.come();
    CHECK(house.calls().empty());
}

TEST_CASE("a cancel answers who waits in a sendsync, and changes nothing of a task that is over", "[engine]")
{
    EngineFixture house;
    house.come();
    auto const told = house.run_sync();
    auto const id = house.newest();
    house.cancel(id);
    CHECK(told.get().status == TaskStatus::canceled);
    CHECK(house.cancel(id).get().status == TaskStatus::canceled);
    CHECK(house.cancel(TaskId(9)).refusal().starts_with("[416.1]"));
}
