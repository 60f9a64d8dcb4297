// When agents came and went, and how many were online.
#include <algorithm>

#include "catch.hpp"
#include "elves/host.hpp"
#include "heartbeat/heartbeat.hpp"
#include "support/fake_peer.hpp"
#include "support/inline_store.hpp"
#include "support/module_driver.hpp"
#include "unit/manual_clock.hpp"

namespace elves {
std::unique_ptr<Module> make_heartbeat(Host& host);
}

using namespace elves;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

/// A heartbeat that can be started again. Time begins on 2026-01-01 at 00:00:00 UTC.
struct Fleet {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    std::unique_ptr<Module> module;
    std::unique_ptr<ModuleDriver> driver;
    std::vector<std::shared_ptr<FakePeer>> peers;

    Fleet() { start(); }
    void start()
    {
        driver.reset();
        module = make_heartbeat(host);
        driver = std::make_unique<ModuleDriver>(*module, loop);
        module->start();
    }
    /// The server ends first, then its connections.
    void restart()
    {
        module->stop();
        start();
    }
    std::shared_ptr<FakePeer> come(std::string const& agent)
    {
        auto peer = std::make_shared<FakePeer>(loop.get_executor(), clock, "127.0.0.1", 50'000);
        driver->call("register", {{"agentip", agent}}, {peer, nullptr});
        peers.push_back(peer);
        return peer;
    }
    /// Advances the clock second by second; each connected agent sends a heartbeat every second.
    void pass(std::chrono::milliseconds time)
    {
        for (auto left = time; left.count() > 0; left -= 1s) {
            for (auto const& peer : peers)
                if (peer->is_open()) peer->speak();
            clock.advance(std::min<std::chrono::milliseconds>(left, 1s));
            driver->run();
        }
    }
    json::object history(std::string const& agent = "10.0.0.1")
    {
        return driver->call("getagenthistory", {{"agentip", agent}});
    }
    Lines changes(std::string const& agent = "10.0.0.1")
    {
        Lines lines;
        auto const reply = history(agent);
        for (auto const& change : reply.at("changes").as_array()) {
            auto const& fields = change.as_object();
            lines.push_back(std::string(fields.at("time").as_string()).substr(11) + " " +
                            std::string(fields.at("status").as_string()));
        }
        return lines;
    }
};

} // namespace

TEST_CASE("an agent's history says when it came and went", "[heartbeat][history]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(60s);
    peer->close("gone");
    fleet.pass(60s);
    fleet.come("10.0.0.1");
    fleet.pass(2s);
    auto const history = fleet.history();
    CHECK(history.at("before") == "unknown");
    CHECK(history.at("since") == "2025-12-02 00:02:02");
    CHECK(fleet.changes() == Lines{"00:00:01 online", "00:00:59 offline", "00:02:01 online"});
    CHECK(fleet.driver->refusal("getagenthistory", {{"agentip", "10.0.0.9"}}) ==
          "[414.1] agent 10.0.0.9 has never been seen");
}

TEST_CASE("who comes back within a second was not away", "[heartbeat][history]")
{
    Fleet fleet;
    auto peer = fleet.come("10.0.0.1");
    fleet.pass(5s);
    peer->close("gone");
    fleet.pass(200ms);
    peer = fleet.come("10.0.0.1");
    fleet.pass(5s);
    CHECK(fleet.changes() == Lines{"00:00:01 online"});
}

TEST_CASE("a restart is no change for who comes back, and one for who does not", "[heartbeat][history]")
{
    Fleet fleet;
    auto const first = fleet.come("10.0.0.1");
    auto const second = fleet.come("10.0.0.2");
    fleet.pass(5s);
    fleet.restart();
    first->close("the server ended");
    second->close("the server ended");
    auto const back = fleet.come("10.0.0.1");
    fleet.pass(40s);
    CHECK(fleet.changes() == Lines{"00:00:01 online"});
    auto const missing = fleet.changes("10.0.0.2");
    REQUIRE(missing.size() == 2);
    CHECK(missing[1].ends_with("offline"));
}

TEST_CASE("a disk that refuses loses no change", "[heartbeat][history]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(2s);
    fleet.store.fail_all(true);
    peer->close("gone");
    fleet.pass(5s);
    fleet.store.fail_all(false);
    fleet.pass(2s);
    CHECK(fleet.changes().size() == 2);
}

TEST_CASE("no agent has more than 500 changes, and the newest stay", "[heartbeat][history]")
{
    Fleet fleet;
    for (int i = 0; i < 300; ++i) {
        auto const peer = fleet.come("10.0.0.1");
        fleet.pass(1s);
        peer->close("gone");
        fleet.driver->run();
        fleet.pass(1s);
    }
    auto const lines = fleet.changes();
    CHECK(lines.size() == 500);
    CHECK(lines.back().ends_with("offline"));
    CHECK(fleet.history().at("before") == "unknown");
}

TEST_CASE("what is older than 30 days is what an agent was before", "[heartbeat][history]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(2s);
    fleet.clock.jump(fleet.clock.now() + 31 * 24h);
    CHECK(fleet.history().at("before") == "online");
}

TEST_CASE("a forgotten agent has no history", "[heartbeat][history]")
{
    Fleet fleet;
    fleet.come("10.0.0.1")->close("gone");
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(2s);
    peer->close("gone");
    fleet.pass(2s);
    fleet.driver->call("forgetagents", {{"iplist", {"10.0.0.1"}}});
    fleet.come("10.0.0.1");
    fleet.pass(2s);
    CHECK(fleet.changes().size() == 1);
}

TEST_CASE("how many are online is noted each minute once agents had time to come, and known after a restart",
    "[heartbeat][history]")
{
    Fleet fleet;
    auto const first = fleet.come("10.0.0.1");
    auto const second = fleet.come("10.0.0.2");
    fleet.pass(32s);
    fleet.pass(60s);
    second->close("gone");
    fleet.pass(60s);
    auto const counts = [&] {
        Lines lines;
        auto const reply = fleet.driver->call("getonlinehistory", {{"step", 60}});
        for (auto const& count : reply.at("counts").as_array()) {
            auto const& fields = count.as_object();
            lines.push_back(std::string(fields.at("time").as_string()).substr(11, 5) + " " +
                            std::string(fields.at("online").as_string()) + "/" +
                            std::string(fields.at("known").as_string()));
        }
        return lines;
    };
    Lines const expected{"00:00 2/2", "00:01 2/2", "00:02 1/2"};
    CHECK(counts() == expected);
    fleet.restart();
    CHECK(counts() == expected);
    CHECK(fleet.driver->refusal("getonlinehistory", {{"step", 7}}).starts_with("[403.10]"));
    CHECK(fleet.driver->refusal("getonlinehistory", {{"step", 0}}).starts_with("[403.10]"));
}

TEST_CASE("the version changes whenever an agent comes or goes, and not otherwise", "[heartbeat][history]")
{
    Fleet fleet;
    auto const& directory = fleet.host.need<AgentDirectory>("a test");
    auto const peer = fleet.come("10.0.0.1");
    auto const come = directory.version();
    fleet.pass(5s);
    CHECK(directory.version() == come);
    fleet.clock.advance(60s);
    auto const silent = directory.version();
    CHECK(silent != come);
    fleet.come("10.0.0.1");
    CHECK(directory.version() != silent);
}
