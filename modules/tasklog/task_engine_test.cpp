#include "tasklog/local_task_engine.hpp"

#include "catch.hpp"
#include "support/engine_fixture.hpp"

using namespace elves;
using namespace std::chrono_literals;
using Calls = std::vector<std::string>;

TEST_CASE("a task is on disk before its agent hears of it", "[engine]")
{
    EngineFixture house;
    house.come().answer = [&](FakePeer::Sent const& sent) {
        CHECK(sent.method == "instruct");
        CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'sent'") == 1);
        return Back{true, "", {}};
    };
    auto const sent = house.send();
    CHECK(house.link->calls.size() == 1);
    CHECK(sent.get().task.sync_flag == true);
    CHECK(house.status(sent.get().task.id) == TaskStatus::running);
}

TEST_CASE("what the disk does not take is not sent", "[engine]")
{
    EngineFixture house;
    house.come();
    house.store.fail_next();
    CHECK(house.send().refusal().starts_with("[507.1]"));
    CHECK(house.calls().empty());
}

TEST_CASE("a send returns when the agent has taken it, refused it, or was silent for too long", "[engine]")
{
    EngineFixture house;
    house.come();
    auto const sent = house.send();
    auto const id = house.newest();
    CHECK_FALSE(sent.is_there());
    SECTION("taken")
    {
        house.answer(true);
        CHECK(sent.get().task.status == TaskStatus::running);
    }
    SECTION("refused, with its words")
    {
        house.answer(false, "[429.1] too many");
        CHECK(sent.get().task.status == TaskStatus::failed);
        CHECK(sent.get().task.sync_error == "[429.1] too many");
    }
    SECTION("silent, and it took it after all")
    {
        house.pass(9s);
        CHECK_FALSE(sent.is_there());
        house.pass(1s);
        CHECK(sent.get().task.status == TaskStatus::sent);
        CHECK(sent.get().task.sync_error.starts_with("[410.2]"));
        CHECK_FALSE(house.task(id).sync_flag.value());
        house.answer(true);
        CHECK(house.status(id) == TaskStatus::running);
        CHECK(house.task(id).sync_flag.value());
    }
    SECTION("a quick worker's result comes before the answer")
    {
        house.report(id);
        house.answer(true);
        CHECK(sent.get().task.sync_flag == true);
        CHECK(house.status(id) == TaskStatus::done);
        CHECK(house.task(id).sync_flag.value());
    }
}

TEST_CASE("a task for an agent that is not there is undelivered at once, or waits for as long as its ttl",
    "[engine]")
{
    EngineFixture house;
    CHECK(house.send().get().task.status == TaskStatus::undelivered);
    auto order = house.order();
    order.ins.ttl = 20s;
    auto const id = house.send(order).get().task.id;
    CHECK(house.status(id) == TaskStatus::waiting);
    SECTION("it comes")
    {
        house.pass(19s);
        house.come();
        CHECK(house.calls() == Calls{"instruct"});
        house.answer(true);
        house.pass(5s);
        CHECK(house.status(id) == TaskStatus::running);
    }
    SECTION("it does not come")
    {
        house.pass(20s);
        CHECK(house.status(id) == TaskStatus::expired);
        house.come();
        CHECK(house.calls().empty());
    }
    SECTION("the server ends meanwhile")
    {
        house.start();
        house.pass(20s);
        CHECK(house.status(id) == TaskStatus::expired);
    }
    SECTION("the server ends meanwhile, and its clock is set back")
    {
        house.clock.jump(house.clock.now() - 1h);
        house.start();
        house.pass(20s);
        CHECK(house.status(id) == TaskStatus::expired);
    }
}

TEST_CASE("a sendsync returns what the worker said, and the agent is told once that is on disk", "[engine]")
{
    EngineFixture house;
    house.come();
    auto const told = house.run_sync();
    auto const id = house.newest();
    json::object const result{{"worker_flag", 0}, {"worker_result", "no"}, {"worker_costtime", 3}};
    SECTION("the disk takes it")
    {
        house.answer(true, "", result);
        CHECK(told.get().status == TaskStatus::failed);
        CHECK(told.get().report->result == "no");
        REQUIRE(house.link->casts.size() == 1);
        CHECK(house.link->casts[0].method == "confirm");
        CHECK(house.link->casts[0].fields.at("id").at(0).as_string() == id.text());
    }
    SECTION("the disk refuses it: it is written later, and the agent told then")
    {
        house.store.fail_next();
        house.answer(true, "", result);
        CHECK(told.get().report->result == "no");
        CHECK(house.link->casts.empty());
        house.pass(5s);
        CHECK(house.calls() == Calls{"instruct"});
        CHECK(house.status(id) == TaskStatus::failed);
        CHECK(house.link->casts.size() == 1);
    }
    SECTION("its time is over first: a late result fills what is empty, and the verdict stands")
    {
        house.pass(30s);
        CHECK(told.get().status == TaskStatus::timeout);
        house.answer(true, "", result);
        CHECK(house.status(id) == TaskStatus::timeout);
        CHECK(house.task(id).report->result == "no");
        CHECK(house.link->casts.size() == 1);
    }
    SECTION("the server stops: the task goes on")
    {
        house.engine->stop();
        house.settle();
        CHECK(told.refusal().starts_with("[503.1]"));
        CHECK(house.status(id) == TaskStatus::sent);
    }
}

TEST_CASE("a second send with the same dedup starts nothing, and waits for the agent's word on the first",
    "[engine]")
{
    EngineFixture house;
    house.come();
    auto order = house.order();
    order.ins.dedup = "once";
    auto const first = house.send(order);
    auto const second = house.send(order);
    CHECK(house.calls() == Calls{"instruct"});
    CHECK_FALSE(second.is_there());
    house.answer(true);
    CHECK(second.get().task.id == first.get().task.id);
    CHECK(second.get().task.status == TaskStatus::running);
    CHECK_FALSE(second.get().is_new);
}

TEST_CASE("who may not hear of the first with its dedup is refused at once, and starts nothing", "[engine]")
{
    EngineFixture house;
    house.come();
    auto order = house.order(TaskType::rt);
    order.ins.dedup = "once";
    auto const first = house.begin(house.engine->run(order, {}));
    auto const refuse = [](Task const&) { throw Error(codes::forbidden, "not for you"); };
    auto const second = house.begin(house.engine->run(order, refuse));
    CHECK(second.refusal() == "[401.6] not for you");
    CHECK_FALSE(first.is_there());
    CHECK(house.calls().size() == 1);
}

TEST_CASE("mode P is refused for an app without a processor", "[engine]")
{
    EngineFixture house;
    house.come();
    auto order = house.order();
    order.ins.mode = Mode::p;
    CHECK(house.send(order).refusal().starts_with("[413.2]"));
    CHECK(house.number("SELECT count(*) FROM tasks") == 0);
    house.processor = AppAddress{"10.0.0.9", 4000};
    house.send(order);
    CHECK(house.calls() == Calls{"instruct"});
}

TEST_CASE("the unfinished tasks of an agent are bounded in number", "[engine]")
{
    EngineFixture house;
    house.engine->set_bounds({2, 100'000, 100'000});
    auto const send = [&] {
        auto order = house.order();
        order.ins.ttl = 20s;
        return house.send(order);
    };
    send();
    auto const id = send().get().task.id;
    CHECK(send().refusal().starts_with("[429.1]"));
    house.cancel(id);
    CHECK(send().refusal().empty());
}

TEST_CASE("the unfinished tasks of an agent, and of all together, are bounded in memory", "[engine]")
{
    EngineFixture house;
    TaskLimits::Bounds const bounds{100, 25'000, 40'000};
    house.engine->set_bounds(bounds);
    auto const send = [&](std::string_view agent, std::size_t size) {
        auto order = house.order();
        order.agent = Ip::parse(agent).value();
        order.ins.ttl = 20s;
        order.ins.param = std::string(size, 'x');
        return house.send(order);
    };
    auto const id = send("10.0.0.1", 10'000).get().task.id;
    send("10.0.0.1", 10'000);
    CHECK(send("10.0.0.1", 10'000).refusal().find("agent 10.0.0.1 would take") != std::string::npos);
    SECTION("small ones find room") { CHECK(send("10.0.0.1", 10).refusal().empty()); }
    SECTION("others do, until all together have too much")
    {
        CHECK(send("10.0.0.2", 10'000).refusal().empty());
        CHECK(send("10.0.0.3", 10'000).refusal().find("all agents would take") != std::string::npos);
    }
    SECTION("there is room again when one is over")
    {
        house.cancel(id);
        CHECK(send("10.0.0.1", 10'000).refusal().empty());
    }
    SECTION("those of before a restart count")
    {
        house.start();
        house.engine->set_bounds(bounds);
        CHECK(send("10.0.0.1", 10'000).refusal().starts_with("[429.1]"));
        house.pass(20s);
        CHECK(send("10.0.0.1", 10'000).refusal().empty());
    }
}

TEST_CASE("tasks that come together count before they are on disk, and each of them once", "[engine]")
{
    EngineFixture house;
    // Two of 10,000 bytes, with the 1,024 that each takes beside its texts and the 7 of its names.
    std::size_t const two = 2 * 11'031;
    std::size_t const plenty = 1'000'000;
    auto const order = [&](std::string_view agent = "10.0.0.1") {
        auto made = house.order();
        made.agent = Ip::parse(agent).value();
        made.ins.ttl = 20s;
        made.ins.param = std::string(10'000, 'x');
        return made;
    };
    // All of them begin before the disk has answered the first.
    auto const send_all = [&](std::vector<TaskEngine::Order> const& orders) {
        std::vector<Awaited<TaskEngine::Recorded>> sent;
        for (auto const& one : orders) sent.push_back(house.spawn(house.engine->send(one)));
        house.settle();
        std::vector<std::string> refusals;
        for (auto const& one : sent) refusals.push_back(one.refusal().substr(0, 7));
        return refusals;
    };
    auto const is_full = [&] { return house.send(order()).refusal().starts_with("[429.1]"); };
    SECTION("in number")
    {
        house.engine->set_bounds({2, plenty, plenty});
        CHECK(send_all({order(), order(), order()}) == Calls{"", "", "[429.1]"});
        CHECK(is_full());
        house.cancel(house.newest());
        CHECK(send_all({order(), order()}) == Calls{"", "[429.1]"});
    }
    SECTION("in bytes of one agent")
    {
        house.engine->set_bounds({100, two, plenty});
        CHECK(send_all({order(), order(), order(), order("10.0.0.2")}) == Calls{"", "", "[429.1]", ""});
        house.cancel(house.engine->open_of(house.agent).front());
        CHECK_FALSE(is_full());
        CHECK(is_full());
    }
    SECTION("in bytes of all agents")
    {
        house.engine->set_bounds({100, plenty, two});
        CHECK(send_all({order(), order("10.0.0.2"), order("10.0.0.3")}) == Calls{"", "", "[429.1]"});
        house.cancel(house.newest());
        CHECK_FALSE(is_full());
        CHECK(is_full());
    }
    SECTION("those that somebody waits for, too")
    {
        house.come();
        house.engine->set_bounds({1, plenty, plenty});
        auto const first = house.spawn(house.engine->run(order(), {}));
        auto const second = house.spawn(house.engine->run(order(), {}));
        house.settle();
        CHECK_FALSE(first.is_there());
        CHECK(second.refusal().starts_with("[429.1]"));
    }
    SECTION("what the disk does not take gives its room back")
    {
        house.engine->set_bounds({2, two, two});
        house.store.fail_next(2);
        CHECK(send_all({order(), order(), order()}) == Calls{"[507.1]", "[507.1]", "[429.1]"});
        CHECK(send_all({order(), order(), order()}) == Calls{"", "", "[429.1]"});
    }
    SECTION("so does a second one with the same dedup")
    {
        house.engine->set_bounds({2, two, two});
        auto const once = [&] {
            auto made = order();
            made.ins.dedup = "1";
            made.ins.param.pop_back();
            return made;
        };
        CHECK(send_all({once(), once(), order()}) == Calls{"", "", "[429.1]"});
        CHECK_FALSE(is_full());
        CHECK(is_full());
    }
    SECTION("so does one that is over before it begins")
    {
        house.engine->set_bounds({2, two, two});
        auto const now_or_never = [&] {
            auto made = order();
            made.ins.ttl = 0s;
            return made;
        };
        CHECK(send_all({now_or_never(), now_or_never(), now_or_never()}) == Calls{"", "", "[429.1]"});
        CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'undelivered'") == 2);
        CHECK(send_all({order(), order(), order()}) == Calls{"", "", "[429.1]"});
    }
}

TEST_CASE("the last run of a cron job is the last one that started and is over", "[engine]")
{
    EngineFixture house;
    auto const run_of_job = [&](std::uint64_t id, TaskStatus status) {
        auto task = sent_task(id, house.clock.now());
        task.type = TaskType::cron;
        task.cron_id = TaskId(77);
        task.fire_time = task.start;
        task.status = status;
        if (is_final(status)) task.end = task.start;
        house.begin(house.engine->record(std::move(task), {}));
        house.pass(10s);
    };
    run_of_job(1, TaskStatus::done);
    run_of_job(2, TaskStatus::failed);
    run_of_job(3, TaskStatus::skipped);
    run_of_job(4, TaskStatus::running);
    auto const runs = house.run(house.engine->last_runs({TaskId(77), TaskId(78)}));
    REQUIRE(runs.size() == 2);
    REQUIRE(runs[0]);
    CHECK(runs[0]->status == TaskStatus::failed);
    CHECK(runs[0]->start == house.clock.now() - 30s);
    CHECK_FALSE(runs[1]);
}

TEST_CASE("a write that fails as the agent registers delays its waiting tasks by a moment", "[engine]")
{
    EngineFixture house;
    std::vector<TaskId> ids;
    for (int i = 0; i < 2; ++i) {
        auto order = house.order();
        order.ins.ttl = 3600s;
        ids.push_back(house.send(order).get().task.id);
    }
    house.store.fail_next(GENERATE(1, 2, 3));
    house.come();
    house.pass(10s);
    REQUIRE(house.calls() == Calls{"instruct", "instruct"});
    house.answer(true);
    house.answer(true);
    for (auto const id : ids) CHECK(house.status(id) == TaskStatus::running);
}

TEST_CASE("a full disk does not end a task before its ttl has passed", "[engine]")
{
    EngineFixture house;
    auto order = house.order();
    order.ins.ttl = 86'400s;
    auto const sent = house.spawn(house.engine->send(order));
    house.loop.run_one();
    house.come();
    auto const id = house.newest();
    house.settle();
    house.store.fail_all(true);
    house.pass(3s);
    house.store.fail_all(false);
    house.pass(10s);
    CHECK_FALSE(is_final(house.status(id)));
    CHECK(house.calls() == Calls{"instruct"});
}

TEST_CASE("a task waits again when its agent's link is lost before it was written to it", "[engine]")
{
    EngineFixture house;
    auto order = house.order();
    order.ins.ttl = GENERATE(3600s, 0s);
    bool const may_wait = order.ins.ttl > 0s;
    SECTION("while it is recorded")
    {
        house.come();
        auto const sent = house.spawn(house.engine->send(order));
        house.presence.go(house.agent);
        house.settle();
        CHECK(sent.get().task.status == (may_wait ? TaskStatus::waiting : TaskStatus::undelivered));
    }
    SECTION("as the agent registers and drops at once")
    {
        if (!may_wait) return;
        auto const id = house.send(order).get().task.id;
        for (int i = 0; i < 3; ++i) {
            auto const link = std::make_shared<FakePeer>(house.loop.get_executor(), house.clock);
            house.presence.come(house.agent, link);
            house.loop.restart();
            house.loop.run_one();
            house.presence.go(house.agent);
            house.settle();
        }
        CHECK(house.status(id) == TaskStatus::waiting);
    }
    if (!may_wait) return;
    house.come();
    CHECK(house.calls() == Calls{"instruct"});
}

TEST_CASE(
    "a clock that is set back between a sendsync and its hand-over gives the task no more time to start",
    "[engine]")
{
    EngineFixture house;
    house.come();
    auto const sent = house.spawn(house.engine->run(house.order(TaskType::rt), {}));
    house.loop.restart();
    while (house.store.posted() == 0 && house.loop.poll_one() > 0) {
    }
    REQUIRE(house.link->calls.empty());
    house.clock.jump(house.clock.now() - 1h);
    house.settle();
    auto const now = house.clock.now().time_since_epoch().count();
    REQUIRE(house.link->calls.size() == 1);
    CHECK(house.link->calls[0].fields.at("start_by") == now + 30'000);
    CHECK_FALSE(sent.is_there());
}

TEST_CASE("an agent learns until when it may start a task", "[engine]")
{
    EngineFixture house;
    house.come();
    house.send();
    house.run_sync();
    auto const now = house.clock.now().time_since_epoch().count();
    REQUIRE(house.link->calls.size() == 2);
    CHECK(house.link->calls[0].fields.at("start_by") == now + 90'000);
    CHECK(house.link->calls[1].fields.at("start_by") == now + 30'000);
    CHECK_FALSE(house.link->calls[1].fields.contains("clock"));
    house.clock.jump(house.clock.now() + 1h);
    house.send();
    CHECK(house.link->calls[2].fields.at("clock") == 3'600'000);
}

TEST_CASE("a task that came too late to be started never ran: it waits again, or is undelivered", "[engine]")
{
    EngineFixture house;
    house.come();
    auto order = house.order();
    order.ins.ttl = 3600s;
    auto const waits = house.send(order);
    house.answer(false, "[410.4] too late");
    CHECK(waits.get().task.status == TaskStatus::waiting);
    house.pass(2s);
    CHECK(house.calls() == Calls{"instruct", "instruct"});
    house.answer(true);
    CHECK(house.status(waits.get().task.id) == TaskStatus::running);

    house.clock.advance(120s);
    auto const sync = house.run_sync();
    house.pass(29s);
    CHECK_FALSE(sync.is_there());
    house.pass(1s);
    CHECK(sync.get().status == TaskStatus::timeout);
}

TEST_CASE("an agent that has no room is asked again while the ttl runs, and else refuses", "[engine]")
{
    EngineFixture house;
    house.come();
    CHECK(house.calls().empty());
    auto const refused = house.send();
    house.answer(false, "[429.1] 1000 tasks wait here");
    CHECK(refused.get().task.status == TaskStatus::failed);
    auto order = house.order();
    order.ins.ttl = 3600s;
    auto const waits = house.send(order);
    house.pass(2s);
    REQUIRE(house.calls().size() == 2);
    house.answer(false, "[429.1] 1000 tasks wait here");
    CHECK(waits.get().task.status == TaskStatus::waiting);
    auto const id = waits.get().task.id;
    house.pass(5s);
    REQUIRE(house.calls().size() == 3);
    house.answer(true);
    CHECK(house.status(id) == TaskStatus::running);
}

TEST_CASE(
    "at most 64 hand-overs to one agent are in flight, and one without an answer delays no other", "[engine]")
{
    EngineFixture house;
    bool const is_online = GENERATE(true, false);
    if (is_online) house.come();
    std::vector<Awaited<TaskEngine::Recorded>> sent;
    for (int i = 0; i < 100; ++i) {
        auto order = house.order();
        order.ins.ttl = 3600s;
        sent.push_back(house.spawn(house.engine->send(order)));
    }
    house.settle();
    if (!is_online) house.come();
    CHECK(house.link->calls.size() == 64);
    house.answer(true);
    CHECK(house.link->calls.size() == 65);
    // The others stay silent: their room is given to those that wait.
    house.pass(10s);
    CHECK(house.link->calls.size() == 100);
    for (int i = 0; i < 99; ++i) house.answer(true);
    house.pass(1s);
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'running'") == 100);
}

TEST_CASE("calls that wait for one dedup are bounded, and those of closed connections make room", "[engine]")
{
    EngineFixture house;
    house.come();
    auto const caller = std::make_shared<FakePeer>(house.loop.get_executor(), house.clock);
    auto order = house.order();
    order.ins.dedup = "once";
    order.caller = caller;
    house.send(order);
    for (int i = 0; i < 63; ++i) CHECK_FALSE(house.send(order).is_there());
    CHECK(house.send(order).refusal().starts_with("[429.1]"));
    SECTION("they give up")
    {
        house.pass(10s);
        CHECK(house.send(order).get().task.sync_error.starts_with("[410.2]"));
    }
    SECTION("their connection closes")
    {
        caller->close("gone");
        order.caller.reset();
        auto const waits = house.send(order);
        CHECK_FALSE(waits.is_there());
        house.answer(true);
        CHECK(waits.get().task.status == TaskStatus::running);
    }
}

TEST_CASE("a canceled sendsync was handed over: nobody is told that it was not", "[engine]")
{
    EngineFixture house;
    house.come();
    auto const told = house.run_sync();
    house.pass(4s);
    house.cancel(house.newest());
    CHECK(told.get().status == TaskStatus::canceled);
    CHECK(told.get().sync_flag == true);
    CHECK(told.get().sync_error.empty());
}

TEST_CASE(
    "what an agent's complete journal does not have never started, and is handed over again", "[engine]")
{
    EngineFixture house;
    auto task = sent_task(1, house.clock.now());
    task.type = GENERATE(TaskType::async, TaskType::rt);
    auto const id = task.id;
    auto const before = house.clock.now().time_since_epoch().count() - 1'000;
    house.begin(house.engine->record(task, {}));
    house.start(); // It was killed before its agent heard of the task.
    auto const answer = [&](std::int64_t since) {
        json::object one{{"id", id.text()}, {"status", "unknown"}};
        house.come();
        REQUIRE(house.calls() == Calls{"status"});
        house.answer(true, "", {{"info", json::array{one}}, {"journal_since", since}});
    };
    SECTION("while it may still start")
    {
        answer(before);
        REQUIRE(house.calls() == Calls{"status", "instruct"});
        CHECK(house.link->calls[1].fields.at("id").as_string() == id.text());
    }
    SECTION("when it may not")
    {
        if (task.type != TaskType::rt) return;
        house.pass(60s);
        answer(before);
        CHECK(house.status(id) == TaskStatus::undelivered);
        CHECK(house.calls() == Calls{"status"});
    }
    SECTION("a younger journal proves nothing")
    {
        answer(before + 2'000);
        CHECK(house.status(id) == TaskStatus::lost);
    }
}

TEST_CASE("after a restart a task without a ttl may be started for as long as its agent needs to come back",
    "[engine]")
{
    EngineFixture house;
    auto task = sent_task(1, house.clock.now());
    task.ins.timeout = 30s;
    auto const since = house.clock.now().time_since_epoch().count() - 1'000;
    SECTION("it was handed over, and never got there")
    {
        house.begin(house.engine->record(task, {}));
        house.pass(80s);
        house.start();
        house.pass(50s);
        house.come();
        json::object const one{{"id", task.id.text()}, {"status", "unknown"}};
        house.answer(true, "", {{"info", json::array{one}}, {"journal_since", since}});
        CHECK(house.calls() == Calls{"status", "instruct"});
    }
    SECTION("it waits to be handed over again")
    {
        task.status = TaskStatus::waiting;
        task.sent.reset();
        house.begin(house.engine->record(task, {}));
        house.pass(80s);
        house.start();
        house.pass(59s);
        CHECK(house.status(task.id) == TaskStatus::waiting);
        SECTION("its agent comes")
        {
            house.come();
            CHECK(house.calls() == Calls{"instruct"});
        }
        SECTION("its agent does not")
        {
            house.pass(1s);
            CHECK(house.status(task.id) == TaskStatus::undelivered);
        }
    }
}

TEST_CASE(
    "a task that waits on its agent for a worker says so, and has its time to start extended", "[engine]")
{
    EngineFixture house;
    house.come();
    house.send();
    auto const id = house.newest();
    house.answer(true, "", {{"queued", "true"}});
    CHECK(house.engine->open(id)->is_queued);
    house.pass(60s);
    REQUIRE(house.calls() == Calls{"instruct", "status"});
    auto const now = house.clock.now().time_since_epoch().count();
    CHECK(house.link->calls[1].fields.at("start_by") == now + 60'000);
    json::object const queued{{"id", id.text()}, {"status", "running"}, {"queued", "true"}};
    house.answer(true, "", {{"info", json::array{queued}}});
    house.pass(30s);
    CHECK(house.calls().size() == 3);
    house.answer(true, "", {{"info", json::array{queued}}});
    house.engine->set_queued(id, false);
    CHECK_FALSE(house.engine->open(id)->is_queued);
}

TEST_CASE("a report that a task did not start is checked: it may be about an earlier hand-over", "[engine]")
{
    EngineFixture house;
    house.come();
    auto order = house.order();
    order.ins.ttl = 3600s;
    house.send(order);
    auto const id = house.newest();
    house.answer(true);
    auto said_late = said(-1, "[410.4] too late");
    said_late.not_started = true;
    asio::co_spawn(house.loop, house.engine->report(id, said_late), asio::detached);
    house.settle();
    CHECK(house.status(id) == TaskStatus::running);
    REQUIRE(house.calls() == Calls{"instruct", "status"});
    SECTION("it is so")
    {
        json::object const late{{"id", id.text()}, {"status", "failed"}, {"worker_flag", -1},
            {"worker_result", "[410.4] too late"}, {"worker_costtime", 0}, {"not_started", "true"}};
        house.answer(true, "", {{"info", json::array{late}}});
        CHECK(house.calls() == Calls{"instruct", "status", "instruct"});
    }
    SECTION("it has been taken since")
    {
        house.answer_status(id, "running");
        CHECK(house.status(id) == TaskStatus::running);
    }
}
