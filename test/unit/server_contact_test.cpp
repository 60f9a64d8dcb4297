#include "agent/kept_contact.hpp"

#include "agent_support.hpp"
#include "catch.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

namespace {

/// One run of an agent on a machine, as far as its contact goes.
struct Life {
    explicit Life(Machine& machine_, std::chrono::seconds limit = 24h)
        : machine(machine_)
        , journal(machine.store)
        , contact(machine.io.get_executor(), machine.clock, journal, limit)
    {
        contact.on_change([this] { ++changes; });
        contact.start();
        settle();
    }
    void settle()
    {
        machine.io.restart();
        machine.io.poll();
    }
    [[nodiscard]] bool may_fire() const { return !contact.hold(); }

    Machine& machine;
    Journal journal;
    KeptContact contact;
    int changes = 0;
};

json::object each_minute_job()
{
    return {{"cron_id", TaskId(1).text()}, {"rule", "0 * * * * ?"}, {"timezone", "UTC"},
        {"ins", {{"app", "apptest"}, {"func", "echo"}, {"param", "x"}}}};
}

} // namespace

TEST_CASE("own jobs may fire until no server was heard for without_server, also across restarts", "[agent]")
{
    Machine machine;
    {
        Life life(machine);
        life.contact.hear();
        life.settle();
        machine.clock.advance(48h);
        CHECK(life.may_fire()); // A registered link is contact, however quiet.
        life.contact.lose(0ms);
        life.settle();
        machine.clock.advance(23h);
        CHECK(life.may_fire());
    }
    Life life(machine);
    CHECK(life.may_fire());
    machine.clock.advance(1h);
    REQUIRE_FALSE(life.may_fire());
    CHECK(life.contact.hold()->why.find("[cron] without_server (86400 s)") != std::string::npos);
    life.contact.hear();
    CHECK(life.may_fire());
}

TEST_CASE("a server that is silent counts as heard when it last spoke", "[agent]")
{
    Machine machine;
    Life life(machine, 100s);
    life.contact.hear();
    life.contact.lose(40s);
    machine.clock.advance(59s);
    CHECK(life.may_fire());
    machine.clock.advance(1s);
    CHECK_FALSE(life.may_fire());
}

TEST_CASE(
    "a refusal ends own jobs at once, survives a restart, and ends with the next registration", "[agent]")
{
    Machine machine;
    {
        Life life(machine);
        life.contact.hear();
        life.contact.lose(0ms);
        life.contact.refuse("key ABC: [401.5] disabled");
        CHECK(life.changes == 3);
        REQUIRE_FALSE(life.may_fire());
        CHECK(life.contact.hold()->why.find("ABC") != std::string::npos);
        life.settle();
    }
    {
        Life life(machine);
        CHECK_FALSE(life.may_fire());
        life.contact.hear();
        CHECK(life.may_fire());
        life.settle();
    }
    Life life(machine);
    CHECK(life.may_fire());
}

TEST_CASE("a journal from before this was kept counts from its first start", "[agent]")
{
    Machine machine;
    {
        Life life(machine, 100s);
        CHECK(life.may_fire());
        machine.clock.advance(99s);
    }
    Life life(machine, 100s);
    CHECK(life.may_fire());
    machine.clock.advance(1s);
    CHECK_FALSE(life.may_fire());
}

TEST_CASE("what comes due while own jobs are held is recorded, and they go on afterwards", "[agent][cron]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    std::optional<ServerContact::Hold> hold;
    house.cron.ask_hold([&] { return hold; });
    house.call("setcrons", {{"cron_list", json::array{each_minute_job()}}});
    house.pass(60s);
    CHECK(house.workers.started.size() == 1);
    house.workers.end(house.workers.started.front());
    house.settle();
    hold = ServerContact::Hold{"was shut out by its server", "told so"};
    house.cron.hold_changed();
    house.pass(180s);
    CHECK(house.workers.started.size() == 1);
    CHECK(house.count("skipped = 1") == 0);
    hold.reset();
    house.cron.hold_changed();
    house.settle();
    CHECK(house.count("skipped = 1") == 1);
    CHECK(house.count("result LIKE '%3 times from%passed while the agent was shut out by its server%'") == 1);
    CHECK(house.workers.started.size() == 1);
    house.pass(60s);
    CHECK(house.workers.started.size() == 2);
}
