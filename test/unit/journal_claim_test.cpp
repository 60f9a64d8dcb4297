#include "agent/journal_claim.hpp"

#include "agent_support.hpp"
#include "catch.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

namespace {

auto const ip_5 = Ip::parse("10.0.0.5").value();
auto const ip_9 = Ip::parse("10.0.0.9").value();

/// One start of an agent with that disk, on a machine that the test describes.
struct Start {
    Start(Machine& disk_, std::string machine, std::optional<Ip> address, bool has_address = true)
        : disk(disk_)
        , journal(disk.store)
        , claim(disk.io.get_executor(), disk.clock, journal,
              {std::move(machine), address, [this](Ip const&) { return has; }, "agent.db"})
        , has(has_address)
    {
        claim.open(
            journal.load_owner(), [this](bool is_emptied) { started = is_emptied ? "empty" : "as it was"; });
    }
    /// "" where it was taken over; the error otherwise.
    std::string registered(Ip const& ip)
    {
        std::string result = "pending";
        asio::co_spawn(disk.io, claim.claim(ip, Instant(5s)),
            [&](std::exception_ptr failure) { result = failure ? "failed" : ""; });
        settle();
        return result;
    }
    void settle()
    {
        disk.io.restart();
        disk.io.poll();
    }
    std::int64_t count(std::string const& what)
    {
        auto row = disk.store.db().run("SELECT count(*) FROM " + what);
        return row.next() ? row.number(0) : -1;
    }

    Machine& disk;
    Journal journal;
    JournalClaim claim;
    bool has;
    std::string started = "no";
};

void put_task(Machine& disk)
{
    House house(disk.store, disk.io, disk.clock);
    house.instruct("0000000000000001", "async");
    house.call("setcrons",
        {{"cron_list", json::array{json::object{{"cron_id", TaskId(1).text()}, {"rule", "0 * * * * ?"},
                           {"timezone", "UTC"}, {"ins", {{"app", "a"}, {"func", "f"}}}}}}});
}

} // namespace

TEST_CASE("a new journal is bound to its machine and address, and starts there again", "[agent][journal]")
{
    Machine disk;
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
    // Where the machine's id can't be read it is not compared.
    CHECK(Start(disk, "", ip_5).started == "as it was");
}

TEST_CASE("a copied journal does nothing on another machine or under another address", "[agent][journal]")
{
    Machine disk;
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
    for (auto const& [machine, ip] : {std::pair("m2", ip_5), std::pair("m1", ip_9), std::pair("m2", ip_9)}) {
        Start copy(disk, machine, ip);
        CHECK(copy.claim.state() == JournalClaim::State::foreign);
        disk.clock.advance(1h);
        CHECK(copy.started == "no");
    }
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
}

TEST_CASE(
    "once a server has registered the machine, the foreign journal is emptied and bound", "[agent][journal]")
{
    Machine disk;
    put_task(disk);
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
    {
        Start other(disk, "m1", ip_9);
        CHECK(other.count("task") == 1);
        CHECK(other.registered(ip_9).empty());
        CHECK(other.started == "empty");
        CHECK(other.count("task") == 0);
        CHECK(other.count("cron") == 0);
        CHECK(other.journal.load_since() == Instant(5s));
    }
    CHECK(Start(disk, "m1", ip_9).started == "as it was");
    CHECK(Start(disk, "m1", ip_5).started == "no");
}

TEST_CASE("without [agent] ip the journal is bound at the first registration", "[agent][journal]")
{
    Machine disk;
    put_task(disk);
    {
        Start first(disk, "m1", std::nullopt);
        CHECK(first.started == "as it was");
        CHECK(first.registered(ip_5).empty());
        CHECK(first.count("task") == 1);
    }
    CHECK(Start(disk, "m1", std::nullopt).started == "as it was");
    Start moved(disk, "m1", std::nullopt, false);
    CHECK(moved.claim.state() == JournalClaim::State::waiting);
    CHECK(moved.started == "no");
    moved.has = true; // The interface is up.
    disk.clock.advance(3s);
    CHECK(moved.started == "as it was");
}

TEST_CASE("a journal whose address is not there yet starts by a registration with it", "[agent][journal]")
{
    Machine disk;
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
    Start behind_nat(disk, "m1", std::nullopt, false);
    CHECK(behind_nat.registered(ip_5).empty());
    CHECK(behind_nat.started == "as it was");
    Start moved(disk, "m1", std::nullopt, false);
    CHECK(moved.registered(ip_9).empty());
    CHECK(moved.started == "empty");
}

TEST_CASE("what a server asks for waits until the journal is this machine's", "[agent][journal]")
{
    Machine disk;
    CHECK(Start(disk, "m1", ip_5).started == "as it was");
    Start other(disk, "m1", ip_9);
    House house(disk.store, disk.io, disk.clock);
    house.service.wait_for(other.claim);
    auto const taken = house.instruct("0000000000000002", "async");
    CHECK_FALSE(*taken);
    CHECK(other.registered(ip_9).empty());
    house.settle();
    CHECK(*taken);
    CHECK(house.workers.started.size() == 1);
}
