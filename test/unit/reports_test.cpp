#include "agent/reports.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <limits>

#include "agent/report_fields.hpp"
#include "agent_support.hpp"
#include "catch.hpp"
#include "elves/error.hpp"
#include "support/fake_peer.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

namespace {

auto const one = TaskId(1).text();

/// An agent with a link to a server that answers nothing by itself.
struct Linked {
    Linked()
    {
        house.peer = server;
        house.reports.link_up(server);
    }
    void finish(std::string const& type)
    {
        house.instruct(one, type);
        house.workers.end(house.workers.started.back());
        house.settle();
        if (type != "rt" && !house.results.empty()) house.reports.add(house.results.back());
        house.settle();
    }
    void pass(std::chrono::seconds time)
    {
        for (; time.count() > 0; --time) house.pass(1s);
    }
    [[nodiscard]] bool answer(bool flag, std::string error = {})
    {
        Back back;
        back.flag = flag;
        back.error_info = std::move(error);
        bool const waited = server->reply(std::move(back));
        house.settle();
        return waited;
    }
    Machine machine;
    House house{machine.store, machine.io, machine.clock};
    std::shared_ptr<FakePeer> server = std::make_shared<FakePeer>(machine.io.get_executor(), machine.clock);
};

} // namespace

TEST_CASE("a result goes to the server until it is confirmed, and then no more", "[agent][reports]")
{
    Linked agent;
    agent.finish("async");
    REQUIRE(agent.server->calls.size() == 1);
    CHECK(agent.server->calls[0].method == "agentasynclog");
    CHECK(agent.answer(false, "[507.1] the store cannot write"));
    agent.pass(2s);
    REQUIRE(agent.server->calls.size() == 2);
    CHECK(agent.answer(true));
    agent.pass(300s);
    CHECK(agent.server->calls.size() == 2);
    CHECK(agent.house.tasks.unconfirmed().empty());
}

TEST_CASE("what was not confirmed on one link goes again on the next", "[agent][reports]")
{
    Linked agent;
    agent.finish("async");
    agent.house.reports.link_down();
    agent.house.reports.link_up(agent.server);
    agent.house.settle();
    CHECK(agent.server->calls.size() == 2);
}

TEST_CASE(
    "the result of an rt task that went as a back and is never confirmed goes as a report after a while",
    "[agent][reports]")
{
    Linked agent;
    agent.finish("rt");
    agent.pass(30s);
    CHECK(agent.server->calls.empty());
    SECTION("confirmed: never")
    {
        agent.house.tasks.confirm({TaskId(1)});
        agent.pass(300s);
        CHECK(agent.server->calls.empty());
    }
    SECTION("not confirmed: within forty seconds")
    {
        agent.pass(10s);
        REQUIRE(agent.server->calls.size() == 1);
        CHECK(agent.server->calls[0].method == "agentasynclog");
        CHECK(agent.answer(true));
        agent.pass(300s);
        CHECK(agent.server->calls.size() == 1);
    }
}

TEST_CASE(
    "two firings of the hour that is twice in autumn are told apart in their reports", "[agent][reports]")
{
    auto const berlin = Zone::named("Europe/Berlin").value();
    auto const first = parse_iso("2026-10-25T00:30:00Z").value();
    auto const fire_time = [&](Instant at) {
        Entry entry;
        entry.id = TaskId(1);
        entry.firing = Firing{TaskId(2), at, false};
        return report_fields(entry, berlin).at("fire_time");
    };
    CHECK(berlin.text(first) == berlin.text(first + 1h));
    CHECK(fire_time(first) != fire_time(first + 1h));
}

TEST_CASE(
    "results that don't fit one frame are said to run still, and come by themselves", "[agent][reports]")
{
    Linked linked;
    auto& house = linked.house;
    json::array ids;
    for (std::uint64_t id = 1; id <= 200; ++id) ids.emplace_back(TaskId(id).text());
    for (std::uint64_t id = 1; id <= 8; ++id) {
        house.instruct(TaskId(id).text(), "async");
        house.workers.end(TaskId(id), 1, std::string(1'000'000, 'x'));
        house.settle();
    }
    auto const answer = house.call("status", {{"id", ids}});
    REQUIRE(answer->has_value());
    CHECK(json::serialize(**answer).size() < std::size_t{4} * 1024 * 1024);
    std::map<std::string, int> count;
    for (auto const& one_of : (*answer)->at("info").as_array())
        ++count[std::string(one_of.at("status").as_string())];
    CHECK(count == std::map<std::string, int>{{"done", 3}, {"running", 5}, {"unknown", 192}});
    CHECK(linked.server->calls.size() == 5);
}

TEST_CASE("a report that the server will never take is dropped after some tries", "[agent][reports]")
{
    Linked agent;
    agent.finish("async");
    for (int second = 0; second < 200; ++second) {
        static_cast<void>(
            agent.answer(false, "[403.10] `fire_time` is 1970; expected a time of this decade"));
        agent.pass(1s);
    }
    CHECK(agent.server->calls.size() == 6);
    CHECK(agent.house.tasks.unconfirmed().empty());
}

TEST_CASE("a confirmation that is late confirms no result of a later hand-over", "[agent][reports]")
{
    Linked agent;
    auto& house = agent.house;
    Entry late;
    late.id = TaskId(1);
    late.ins.app = "app";
    late.ins.func = "func";
    late.stage = Stage::done;
    late.report = WorkerReport();
    late.report->not_started = true;
    asio::co_spawn(agent.machine.io, house.tasks.take(late), asio::detached);
    house.settle();
    agent.machine.store.db().script("UPDATE task SET not_started = 1");
    house.reports.add(TaskId(1));
    house.settle();
    REQUIRE(agent.server->calls.size() == 1);
    // The server knew that by its own question, and handed it over again.
    SECTION("it comes after the hand-over")
    {
        house.instruct(one, "async");
        CHECK(agent.answer(true));
    }
    SECTION("it comes while the hand-over is on its way into the journal")
    {
        auto again = late;
        again.stage = Stage::taken;
        again.report.reset();
        auto const before = agent.machine.store.posted();
        asio::co_spawn(agent.machine.io, house.tasks.take(again), asio::detached);
        agent.machine.io.restart();
        while (agent.machine.store.posted() == before && agent.machine.io.poll_one() > 0) {
        }
        house.tasks.confirm({TaskId(1)});
        house.settle();
        CHECK(agent.answer(true));
    }
    house.workers.end(house.workers.started.back());
    house.settle();
    CHECK(house.tasks.unconfirmed().contains(TaskId(1)));
    CHECK(house.count("stage = 'done' AND confirmed IS NULL") == 1);
    house.reports.add(TaskId(1));
    house.settle();
    REQUIRE(agent.server->calls.size() == 2);
    CHECK(agent.answer(true));
    CHECK(house.tasks.unconfirmed().empty());
}

TEST_CASE("a task that is canceled while its instruction waits for the server's time does not run on",
    "[agent][reports]")
{
    Linked agent;
    auto& house = agent.house;
    auto const start_by = (agent.machine.clock.now() + 60s).time_since_epoch().count();
    auto const shift = GENERATE(7'000, -7'000); // The server's clock was set forward, or back.
    house.call("instruct", {{"id", one}, {"type", "async"}, {"start_by", start_by}, {"clock", shift},
                               {"ins", {{"app", "apptest"}, {"func", "echo"}}}});
    REQUIRE(agent.server->calls.size() == 1);
    REQUIRE(agent.server->calls[0].method == "time");
    auto const canceled = house.call("cancel", {{"id", one}});
    CHECK(!canceled->has_value());
    Back time;
    time.flag = true;
    time.fields = json_of({{"time", agent.machine.clock.now().time_since_epoch().count()}, {"clock", shift}});
    REQUIRE(agent.server->reply(std::move(time)));
    house.settle();
    CHECK(canceled->has_value());
    CHECK(house.status(one) == "failed");
}

TEST_CASE("an agent whose clock was set asks the server for its time before it calls an instruction late",
    "[agent][reports]")
{
    Linked agent;
    auto& house = agent.house;
    auto& clock = agent.machine.clock;
    auto const start = clock.now();
    auto const ms = [](Instant at) { return at.time_since_epoch().count(); };
    house.server_time.learn(json_of({{"time", ms(start)}}).root(), clock.steady());
    clock.jump(start + GENERATE(1h, -1h));
    house.call("instruct", {{"id", one}, {"type", "async"}, {"start_by", ms(start + 60s)},
                               {"ins", {{"app", "apptest"}, {"func", "echo"}}}});
    REQUIRE(agent.server->calls.size() == 1);
    REQUIRE(agent.server->calls[0].method == "time");
    Back time;
    time.flag = true;
    time.fields = json_of({{"time", ms(start)}});
    REQUIRE(agent.server->reply(std::move(time)));
    house.settle();
    CHECK(house.workers.started == std::vector<TaskId>{TaskId(1)});
}

TEST_CASE("a time or a clock shift that no server has is refused, or not learned", "[agent][reports]")
{
    Linked agent;
    auto& house = agent.house;
    auto const least = std::numeric_limits<std::int64_t>::min();
    auto const most = std::numeric_limits<std::int64_t>::max();
    for (auto const shift : {least, most}) {
        std::string refused;
        house.call("instruct",
            {{"id", one}, {"type", "async"}, {"start_by", 1}, {"clock", shift},
                {"ins", {{"app", "apptest"}, {"func", "echo"}}}},
            &refused);
        CHECK(refused.starts_with("[403.10] `clock` is "));
        house.server_time.learn(json_of({{"time", shift}}).root(), agent.machine.clock.steady());
        house.server_time.learn(
            json_of({{"time", 1}, {"clock", shift}}).root(), agent.machine.clock.steady());
        CHECK_FALSE(house.server_time.now());
    }
}
