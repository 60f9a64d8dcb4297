#include "cron/agent_crons.hpp"

#include "catch.hpp"
#include "cron/cron_entry.hpp"
#include "support/cron_house.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

json::array const& last_list(ListeningPeer const& link)
{
    return link.calls.back().second.at("cron_list").as_array();
}

struct AgentHouse : CronHouse {
    AgentHouse() { start("Europe/Berlin"); }
    void come()
    {
        presence.come(agent, link);
        settle();
    }
    std::string set_own(json::object more = {})
    {
        more["cron_type"] = "self";
        return set("0 * * * * ?", std::move(more));
    }

    Ip agent = *Ip::parse("10.0.0.1");
    std::shared_ptr<ListeningPeer> link = std::make_shared<ListeningPeer>();
};

} // namespace

TEST_CASE("an agent is given its own jobs when it comes, also when it has none", "[cron]")
{
    AgentHouse house;
    house.come();
    REQUIRE(house.link->calls.size() == 1);
    CHECK(house.link->calls[0].first == "agent.setcrons");
    CHECK(last_list(*house.link).empty());
}

TEST_CASE("its list has what it fires itself, each with a zone, and not what is paused", "[cron]")
{
    AgentHouse house;
    auto const id = house.set_own();
    house.set("0 * * * * ?");
    auto const paused = house.set_own();
    house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", paused}});
    house.come();
    auto const& list = last_list(*house.link);
    REQUIRE(list.size() == 1);
    CHECK(list[0].at("cron_id") == json::value(id));
    CHECK(list[0].at("timezone") == "Europe/Berlin");
    CHECK(list[0].at("rule") == "0 * * * * ?");
    CHECK(list[0].at("ins").at("app") == "app");
    CHECK_FALSE(list[0].as_object().contains("by"));
}

TEST_CASE("each change of them is told", "[cron]")
{
    AgentHouse house;
    house.come();
    auto const id = house.set_own();
    REQUIRE(house.link->calls.size() == 2);
    CHECK(last_list(*house.link).size() == 1);
    json::object const one{{"agentip", "10.0.0.1"}, {"id", id}};
    house.call("stopcron", one);
    CHECK(last_list(*house.link).empty());
    house.call("startcron", one);
    CHECK(last_list(*house.link).size() == 1);
    house.set("0 * * * * ?", {{"id", id}, {"cron_type", "center"}});
    CHECK(last_list(*house.link).empty());
    house.set_own({{"id", id}});
    CHECK(last_list(*house.link).size() == 1);
    house.call("delcronbyipid", one);
    CHECK(last_list(*house.link).empty());
    CHECK(house.link->calls.size() == 7);
}

TEST_CASE("the server's own jobs are none of the agent's business", "[cron]")
{
    AgentHouse house;
    house.come();
    house.set("0 * * * * ?");
    CHECK(house.link->calls.size() == 1);
}

TEST_CASE("the server never fires what the agent holds", "[cron]")
{
    AgentHouse house;
    house.set_own();
    house.pass(120s);
    house.stop();
    house.clock.advance(1h);
    house.start();
    CHECK(house.engine.tasks().empty());
}

TEST_CASE("a list that was not taken is sent again, while the link is up", "[cron]")
{
    AgentHouse house;
    house.link->confirms = false;
    house.come();
    REQUIRE(house.link->calls.size() == 1);
    house.pass(29s);
    CHECK(house.link->calls.size() == 1);
    house.link->confirms = true;
    house.pass(1s);
    CHECK(house.link->calls.size() == 2);
    house.pass(60s);
    CHECK(house.link->calls.size() == 2);
}

TEST_CASE("nothing is sent to an agent that has gone; when it comes back it has the list", "[cron]")
{
    AgentHouse house;
    house.link->confirms = false;
    house.come();
    house.presence.go(house.agent);
    house.link->confirms = true;
    house.pass(60s);
    house.set_own();
    CHECK(house.link->calls.size() == 1);
    house.come();
    CHECK(house.link->calls.size() == 2);
    CHECK(last_list(*house.link).size() == 1);
}

TEST_CASE("changes of one turn go out together", "[cron]")
{
    AgentHouse house;
    house.set_own();
    house.presence.come(house.agent, house.link);
    house.presence.come(house.agent, house.link);
    house.settle();
    CHECK(house.link->calls.size() == 1);
}

TEST_CASE("an agent's own jobs never become more than one frame", "[cron]")
{
    AgentHouse house;
    json::object const big{{"cron_type", "self"},
        {"ins", {{"app", "app"}, {"func", "func"}, {"param", std::string(1'000'000, 'x')}}}};
    house.set("0 * * * * ?", big);
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?", big)) == "429.1");
    house.come();
    CHECK(json::serialize(house.link->calls.back().second).size() < 4u * 1024 * 1024);
}

TEST_CASE(
    "a burst of changes to a large table sends it a few times, not once for each, and the last state counts",
    "[cron]")
{
    AgentHouse house;
    house.come();
    constexpr int jobs = 400; // a list of them is followed by a pause of 100 ms
    for (int i = 0; i < jobs; ++i) house.set_own();
    house.pass(1s);
    CHECK(last_list(*house.link).size() == jobs);
    auto const before = house.link->calls.size();
    for (int i = 0; i < 50; ++i) house.set_own();
    CHECK(house.link->calls.size() <= before + 1);
    house.pass(1s);
    CHECK(house.link->calls.size() <= before + 2);
    CHECK(last_list(*house.link).size() == jobs + 50);
    // One that changes nothing else is sent at once.
    house.pass(5s);
    auto const quiet = house.link->calls.size();
    house.set_own();
    CHECK(house.link->calls.size() == quiet + 1);
}

TEST_CASE("an agent that refuses a large table is not sent it with each change either", "[cron]")
{
    AgentHouse house;
    for (int i = 0; i < 400; ++i) house.set_own();
    house.link->confirms = false;
    house.come();
    auto const before = house.link->calls.size();
    for (int i = 0; i < 50; ++i) house.set_own();
    CHECK(house.link->calls.size() == before);
    house.pass(2s);
    CHECK(house.link->calls.size() == before + 1);
}

TEST_CASE("what an agent's own jobs take in a frame is counted as they come, change and go", "[cron]")
{
    AgentHouse house;
    auto const counted = [&] {
        std::size_t bytes = 0;
        for (auto const id : house.jobs->of_agent(house.agent)) {
            auto const* const job = house.jobs->find(id);
            if (job->type == CronType::self) bytes += entry_size(*job);
        }
        CHECK(house.jobs->own_bytes(house.agent) == bytes);
        return bytes;
    };
    json::object const large{{"ins", {{"app", "app"}, {"func", "func"}, {"param", std::string(1'000, '"')}}}};
    CHECK(counted() == 0);
    auto const one = house.set_own();
    auto const two = house.set_own(large);
    house.set("0 * * * * ?");
    auto const both = counted();
    CHECK(both > 2'000);
    auto bigger = large;
    bigger["id"] = one;
    house.set_own(bigger);
    CHECK(counted() > both);
    house.set("0 * * * * ?", {{"id", two}}); // the server's from now on
    counted();
    house.start("Europe/Berlin"); // loaded again
    counted();
    house.call("delcronbyipid", {{"agentip", "10.0.0.1"}, {"id", one}});
    CHECK(counted() == 0);
}
