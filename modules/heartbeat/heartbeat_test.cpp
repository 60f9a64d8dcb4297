#include "heartbeat/heartbeat.hpp"

#include "catch.hpp"
#include "elves/host.hpp"
#include "support/fake_peer.hpp"
#include "support/inline_store.hpp"
#include "support/module_driver.hpp"
#include "support/some_key.hpp"
#include "unit/manual_clock.hpp"

namespace elves {
std::unique_ptr<Module> make_heartbeat(Host& host);
}

using namespace elves;
using namespace std::chrono_literals;

namespace {

Ip ip(std::string_view text) { return Ip::parse(text).value(); }

/// Heartbeat in a house of its own, with agents that connect to it.
struct Fleet {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    std::unique_ptr<Module> module = make_heartbeat(host);
    ModuleDriver driver{*module, loop};
    Presence& presence = *host.find<Presence>();

    Fleet() { module->start(); }
    std::shared_ptr<FakePeer> connect(int port = 50'000)
    {
        return std::make_shared<FakePeer>(loop.get_executor(), clock, "127.0.0.1", port);
    }
    /// An agent on a connection of its own.
    std::shared_ptr<FakePeer> come(std::string const& agent, json::object fields = {})
    {
        auto peer = connect();
        enroll(peer, agent, std::move(fields));
        return peer;
    }
    json::object enroll(
        std::shared_ptr<FakePeer> const& peer, std::string const& agent, json::object fields = {})
    {
        fields["agentip"] = agent;
        return driver.call("register", fields, {peer, nullptr});
    }
    json::object call(std::string_view method, json::object const& fields = {}, Caller caller = {})
    {
        return driver.call(method, fields, std::move(caller));
    }
    std::string refusal(std::string_view method, json::object const& fields = {}, Caller caller = {})
    {
        return driver.refusal(method, fields, std::move(caller));
    }
    std::string status(std::string const& agent)
    {
        return std::string(call("getstatbyip", {{"agentip", agent}}).at("status").as_string());
    }
    json::object info(std::string const& agent) { return call("getinfobyip", {{"agentip", agent}}); }
    json::object stat() { return call("getonlinestat").at("stat").as_object(); }
    std::vector<std::string> listed(json::object const& fields = {}, Caller caller = {})
    {
        std::vector<std::string> agents;
        auto const reply = call("listagents", fields, std::move(caller));
        for (auto const& agent : reply.at("agents").as_array()) {
            agents.emplace_back(agent.as_object().at("agentip").as_string());
        }
        return agents;
    }
    void pass(std::chrono::milliseconds time)
    {
        clock.advance(time);
        driver.run();
    }
    std::int64_t heard_on_disk(std::string const& agent)
    {
        auto row = store.db().run("SELECT last_heard FROM agent WHERE ip = ?1");
        row.bind(1, agent);
        return row.next() ? row.number(0) : -1;
    }
};

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("an agent that was never seen is unknown", "[heartbeat]")
{
    Fleet fleet;
    CHECK(fleet.status("10.0.0.9") == "unknown");
    CHECK(fleet.refusal("getinfobyip", {{"agentip", "10.0.0.9"}}) ==
          "[414.1] agent 10.0.0.9 has never been seen");
    CHECK_FALSE(fleet.presence.link(ip("10.0.0.9")));
}

TEST_CASE("a registered agent is online at once, and the connection is its link", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.connect();
    auto const reply = fleet.enroll(peer, "10.0.0.1");
    CHECK(reply == json::object{{"interval", 10}, {"offline_after", 30}, {"timezone", "UTC"},
                       {"time", 1'767'225'600'000}});
    CHECK(reply.at("interval").is_number());
    CHECK(fleet.status("10.0.0.1") == "online");
    CHECK(fleet.presence.link(ip("10.0.0.1")) == peer);
    CHECK(fleet.presence.agent_of(*peer) == ip("10.0.0.1"));
    CHECK(peer->kept_when_idle);
}

TEST_CASE("an agent that drains is shown so until it registers again", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    CHECK_FALSE(fleet.call("getinfobyip", {{"agentip", "10.0.0.1"}}).contains("draining"));
    static_cast<void>(fleet.driver.call("beat", {{"draining", "true"}}, {peer, nullptr}));
    static_cast<void>(fleet.driver.call("beat", {}, {peer, nullptr}));
    CHECK(fleet.call("getinfobyip", {{"agentip", "10.0.0.1"}}).at("draining") == "true");
    CHECK(fleet.call("getinfobyip", {{"agentip", "10.0.0.1"}}).at("status") == "online");
    fleet.enroll(peer, "10.0.0.1");
    CHECK_FALSE(fleet.call("getinfobyip", {{"agentip", "10.0.0.1"}}).contains("draining"));
}

TEST_CASE("an agent whose link has closed is offline", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    peer->close("gone");
    CHECK(fleet.status("10.0.0.1") == "offline");
    fleet.driver.run();
    CHECK(fleet.status("10.0.0.1") == "offline");
    CHECK_FALSE(fleet.presence.link(ip("10.0.0.1")));
    CHECK_FALSE(fleet.presence.agent_of(*peer));
    CHECK(peer.use_count() == 1);
}

TEST_CASE("an agent whose key has changed is offline at once, and its connection is closed a moment later",
    "[heartbeat]")
{
    Fleet fleet;
    auto const keyed = fleet.connect();
    auto const other = fleet.come("10.0.0.2");
    fleet.call("register", {{"agentip", "10.0.0.1"}}, {keyed, some_key(Role::agent)});
    fleet.presence.cut_links_of("someone else's", "was deleted");
    CHECK(fleet.status("10.0.0.1") == "online");
    CHECK(fleet.presence.online_by(Ip::parse("10.0.0.1").value()) == some_key(Role::agent)->key);
    CHECK(fleet.presence.online_by(Ip::parse("10.0.0.2").value()).empty());
    fleet.presence.cut_links_of(some_key(Role::agent)->key, "was disabled");
    CHECK(fleet.status("10.0.0.1") == "offline");
    CHECK(fleet.presence.online_by(Ip::parse("10.0.0.1").value()).empty());
    CHECK(keyed->is_open());
    fleet.pass(500ms);
    CHECK_FALSE(keyed->is_open());
    CHECK(keyed->closed_why == "key " + some_key(Role::agent)->key + " was disabled");
    CHECK(other->is_open());
    CHECK(fleet.status("10.0.0.2") == "online");
}

TEST_CASE(
    "an agent that is silent for longer than offline_after is offline, and its link is closed", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(30s);
    CHECK(fleet.status("10.0.0.1") == "online");
    CHECK(peer->is_open());
    fleet.pass(1s);
    CHECK(fleet.status("10.0.0.1") == "offline");
    CHECK(fleet.stat().at("totalonline").as_string() == "0");
    CHECK_FALSE(fleet.presence.link(ip("10.0.0.1")));
    fleet.pass(10s);
    CHECK_FALSE(peer->is_open());
    CHECK(peer->closed_why.find("10.0.0.1") != std::string::npos);
}

TEST_CASE("while the server was held up nobody falls silent: agents have their time anew", "[heartbeat]")
{
    asio::io_context loop;
    ManualClock clock;
    Agents agents(clock);
    AgentRecord said;
    said.ip = ip("10.0.0.1");
    agents.link(said, std::make_shared<FakePeer>(loop.get_executor(), clock, "127.0.0.1", 1), "");
    auto const& agent = *agents.find(said.ip);
    auto const seconds = [&](int count) {
        for (int n = 0; n < count; ++n) {
            clock.advance(1s);
            agents.tick();
        }
    };
    seconds(20);
    clock.advance(300s); // SIGSTOP, a laptop's lid, a slow disk
    CHECK(agents.is_online(agent));
    agents.tick();
    CHECK_FALSE(agents.sweep_some());
    CHECK(agents.is_online(agent));
    seconds(30);
    CHECK(agents.is_online(agent));
    seconds(1);
    CHECK_FALSE(agents.is_online(agent));
}

TEST_CASE("many agents are swept a few at a time, and none is left out", "[heartbeat]")
{
    ManualClock clock;
    asio::io_context loop;
    Agents agents(clock);
    constexpr std::uint8_t rows = 5;
    for (std::uint8_t row = 0; row < rows; ++row) {
        for (unsigned column = 0; column < 256; ++column) {
            AgentRecord said;
            said.ip = ip("10.0." + std::to_string(row) + "." + std::to_string(column));
            agents.link(said, std::make_shared<FakePeer>(loop.get_executor(), clock, "127.0.0.1", 1), "");
        }
    }
    static_cast<void>(agents.take_changes(0));
    std::size_t turns = 1;
    for (int second = 0; second < 31; ++second) {
        clock.advance(1s);
        agents.tick();
    }
    while (agents.sweep_some()) ++turns;
    CHECK(turns > 1);
    CHECK(agents.linked() == 0);
}

TEST_CASE("when many were heard, a few of them are written at a time", "[heartbeat]")
{
    ManualClock clock;
    asio::io_context loop;
    Agents agents(clock);
    std::vector<std::shared_ptr<FakePeer>> peers;
    for (int host = 1; host <= 3; ++host) {
        AgentRecord said;
        said.ip = ip("10.0.0." + std::to_string(host));
        peers.push_back(std::make_shared<FakePeer>(loop.get_executor(), clock, "127.0.0.1", 1));
        agents.link(said, peers.back(), "");
    }
    CHECK(agents.take_changes(2).registered.size() == 3);
    clock.advance(5s);
    for (auto const& peer : peers) peer->speak();
    agents.note_heard(1ms);
    CHECK(agents.take_changes(2).heard.size() == 2);
    CHECK(agents.has_heard());
    CHECK(agents.take_changes(2).heard.size() == 1);
    CHECK_FALSE(agents.has_heard());
}

TEST_CASE("a key counts the agents that it may see, and no others", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.1", {{"os", "linux"}});
    fleet.come("10.9.0.1", {{"os", "linux"}});
    fleet.come("10.9.0.2", {{"os", "windows"}});
    auto const stat = [&](std::shared_ptr<Key const> key) {
        return fleet.call("getonlinestat", {}, {fleet.connect(), std::move(key)}).at("stat").as_object();
    };
    CHECK(stat(nullptr) ==
          json::object{{"totalonline", "3"}, {"linuxonline", "2"}, {"winonline", "1"}, {"totalknown", "3"}});
    CHECK(stat(some_key(Role::viewer, {"10.0.0.0/24"})) ==
          json::object{{"totalonline", "1"}, {"linuxonline", "1"}, {"winonline", "0"}, {"totalknown", "1"}});
}

TEST_CASE("whatever comes on the link keeps the agent online", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    for (int n = 0; n < 10; ++n) {
        fleet.pass(25s);
        peer->speak();
        CHECK(fleet.status("10.0.0.1") == "online");
    }
    CHECK(peer->is_open());
}

TEST_CASE("a beat is taken from a link and from what is none", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    CHECK(fleet.call("beat", {}, {peer, nullptr}).empty());
    CHECK(fleet.call("beat", {}, {fleet.connect(), nullptr}).empty());
    CHECK(fleet.driver.table.find("beat")->is_cast);
}

TEST_CASE("a second link of the same IP replaces the first, whose end then changes nothing", "[heartbeat]")
{
    Fleet fleet;
    auto const first = fleet.come("10.0.0.1");
    auto const second = fleet.connect(50'001);
    fleet.enroll(second, "10.0.0.1");
    CHECK_FALSE(first->is_open());
    CHECK(first->closed_why.find("127.0.0.1:50001") != std::string::npos);
    fleet.driver.run();
    CHECK(fleet.status("10.0.0.1") == "online");
    CHECK(fleet.presence.link(ip("10.0.0.1")) == second);
    CHECK_FALSE(fleet.presence.agent_of(*first));
    CHECK(fleet.presence.agent_of(*second) == ip("10.0.0.1"));
    CHECK(fleet.stat().at("totalonline").as_string() == "1");
}

namespace {

/// Connections that register 10.0.0.1, from several addresses and with several keys.
struct Contest : Fleet {
    std::shared_ptr<FakePeer> from(std::string const& address)
    {
        return std::make_shared<FakePeer>(loop.get_executor(), clock, address, ++port);
    }
    Caller caller(std::shared_ptr<FakePeer> const& peer, std::string const& key)
    {
        auto proven = std::make_shared<Key>(*some_key(Role::agent));
        proven->key = key;
        return {peer, key.empty() ? nullptr : proven, row};
    }
    /// The error, or "". With the host name of the agent that is there.
    std::string registers(std::shared_ptr<FakePeer> const& peer, std::string const& key = {})
    {
        return refusal("register", {{"agentip", "10.0.0.1"}, {"asset", "web-1"}}, caller(peer, key));
    }
    [[nodiscard]] std::shared_ptr<Peer> link() const { return presence.link(ip("10.0.0.1")); }
    /// Targets of the audit rows that are on disk.
    std::vector<std::string> audited()
    {
        pass(1s);
        return row->written;
    }

    /// Keeps what the module writes of its calls.
    struct Row final : AuditRow {
        [[nodiscard]] std::function<void(Db&)> also(std::string target) override
        {
            return [this, target](Db&) { written.push_back(target); };
        }
        void about(Ip const&, Instruction const&) override {}
        void show(std::string) override {}
        void prove(std::string const&) override {}
        void claim(std::string_view) override {}
        void over(std::string_view) override {}
        std::vector<std::string> written;
    };
    std::shared_ptr<Row> row = std::make_shared<Row>();
    int port = 50'000;
};

} // namespace

TEST_CASE("an online agent's address is taken over by the same key from the same address only", "[heartbeat]")
{
    Contest contest;
    auto const first = contest.from("10.0.0.1");
    CHECK(contest.registers(first, "A").empty());
    // Its host name, which anyone can say, does not count; nor does the key of a whole range.
    for (auto const& [address, key] : {std::pair{"10.0.0.66", "A"}, std::pair{"10.0.0.66", ""},
             std::pair{"10.0.0.1", "B"}, std::pair{"10.0.0.1", ""}, std::pair{"::ffff:10.0.0.66", "A"}}) {
        INFO(address << " " << key);
        CHECK(
            contest.registers(contest.from(address), key)
                .starts_with("[401.6] agent 10.0.0.1 is online with another key or from another address; "));
        CHECK(contest.link() == first);
    }
    CHECK(first->is_open());
    CHECK(contest.info("10.0.0.1").at("claimed_from").as_string().starts_with("::ffff:10.0.0.66:"));
    CHECK(contest.info("10.0.0.1").at("claimed_time").as_string() == "2026-01-01 00:00:00");
    // The same machine again, while its old connection still looks alive: at once, and it leaves no row.
    auto const again = contest.from("10.0.0.1");
    CHECK(contest.registers(again, "A").empty());
    CHECK(contest.link() == again);
    CHECK_FALSE(first->is_open());
    CHECK(contest.audited().empty());
}

TEST_CASE(
    "without keys, too, an online agent's address is taken over from the same address only", "[heartbeat]")
{
    Contest contest;
    auto const first = contest.from("10.0.0.1");
    CHECK(contest.registers(first).empty());
    CHECK_FALSE(contest.registers(contest.from("10.0.0.66")).empty());
    CHECK_FALSE(contest.registers(contest.from("10.0.0.1"), "A").empty());
    CHECK(contest.link() == first);
    CHECK(contest.registers(contest.from("10.0.0.1")).empty());
    CHECK(contest.audited().empty());
}

TEST_CASE(
    "what refuses an address that is held says so in a field, and any other refusal does not", "[heartbeat]")
{
    Contest contest;
    auto const& method = *contest.driver.table.find("register");
    CHECK(contest.registers(contest.from("10.0.0.1"), "A").empty());
    try {
        contest.call("register", {{"agentip", "10.0.0.1"}}, contest.caller(contest.from("10.0.0.2"), "A"));
        FAIL("it was let in");
    } catch (Error const& error) {
        CHECK(method.when_refused(error).fields() == json::object{{"held", "true"}});
    }
    CHECK(method.when_refused(Error(codes::forbidden, "another reason")).fields().empty());
}

TEST_CASE(
    "a silent agent's address is free after offline_after, and who takes it then is audited", "[heartbeat]")
{
    Contest contest;
    auto const first = contest.from("10.0.0.1");
    CHECK(contest.registers(first, "A").empty());
    for (int second = 0; second < 30; ++second) contest.pass(1s);
    CHECK_FALSE(contest.registers(contest.from("10.0.0.66"), "A").empty());
    contest.pass(1s);
    auto const second = contest.from("10.0.0.66");
    CHECK(contest.registers(second, "A").empty());
    CHECK(contest.audited() == Names{"10.0.0.1"});
    // Gone without waiting: the address is free at once. With another key, and then with none.
    contest.link()->close("gone");
    CHECK(contest.registers(contest.from("10.0.0.66"), "B").empty());
    contest.link()->close("gone");
    CHECK(contest.registers(contest.from("10.0.0.7")).empty());
    CHECK(contest.audited() == Names{"10.0.0.1", "10.0.0.66 A", "10.0.0.66 B"});
    contest.link()->close("gone");
    CHECK(contest.registers(contest.from("10.0.0.7"), "A").empty());
    CHECK(contest.audited().back() == "10.0.0.7 -");
    // From where it was: nothing.
    contest.link()->close("gone");
    CHECK(contest.registers(contest.from("10.0.0.7"), "A").empty());
    CHECK(contest.audited().size() == 4);
}

TEST_CASE("where an agent's last link came from is known after a restart", "[heartbeat]")
{
    Contest contest;
    CHECK(contest.registers(contest.from("10.0.0.1"), "A").empty());
    contest.pass(1s);
    contest.module->stop();
    contest.module = make_heartbeat(contest.host);
    ModuleDriver again(*contest.module, contest.loop);
    contest.module->start();
    json::object const fields{{"agentip", "10.0.0.1"}};
    again.call("register", fields, contest.caller(contest.from("10.0.0.1"), "A"));
    contest.pass(1s);
    CHECK(contest.row->written.empty());
    contest.host.find<Presence>()->link(ip("10.0.0.1"))->close("gone");
    again.call("register", fields, contest.caller(contest.from("10.0.0.66"), "A"));
    contest.pass(1s);
    CHECK(contest.row->written == Names{"10.0.0.1"});
}

TEST_CASE("an audit row that the disk did not take is written with the next changes", "[heartbeat]")
{
    Contest contest;
    CHECK(contest.registers(contest.from("10.0.0.1"), "A").empty());
    contest.pass(1s);
    contest.link()->close("gone");
    contest.store.fail_all(true);
    CHECK(contest.registers(contest.from("10.0.0.2"), "A").empty());
    contest.pass(1s);
    contest.store.fail_all(false);
    CHECK(contest.audited() == Names{"10.0.0.1"});
}

TEST_CASE("a connection that registers another IP is the link of that one only", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.enroll(peer, "10.0.0.2");
    CHECK(peer->is_open());
    CHECK(fleet.status("10.0.0.1") == "offline");
    CHECK(fleet.status("10.0.0.2") == "online");
    CHECK(fleet.presence.agent_of(*peer) == ip("10.0.0.2"));
    peer->close("gone");
    fleet.driver.run();
    CHECK(fleet.status("10.0.0.2") == "offline");
    CHECK(fleet.stat().at("totalknown").as_string() == "2");
}

TEST_CASE("a link that registers again says anew what it is, and stays", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1", {{"os", "linux"}, {"version", "1"}, {"asset", "a"}});
    fleet.enroll(peer, "10.0.0.1", {{"os", "windows"}, {"version", "2"}});
    CHECK(peer->is_open());
    CHECK(fleet.info("10.0.0.1").at("version").as_string() == "2");
    CHECK(fleet.info("10.0.0.1").at("asset").as_string().empty());
    CHECK(fleet.stat() ==
          json::object{{"totalonline", "1"}, {"linuxonline", "0"}, {"winonline", "1"}, {"totalknown", "1"}});
}

TEST_CASE("a connection that has closed already is no link for long", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.connect();
    peer->close("gone");
    fleet.enroll(peer, "10.0.0.1");
    CHECK(fleet.status("10.0.0.1") == "offline");
    CHECK(peer.use_count() == 1);
}

TEST_CASE("who asked hears of a register after it was answered", "[heartbeat]")
{
    Fleet fleet;
    std::vector<Ip> heard;
    fleet.presence.on_link([&](Ip const& agent) { heard.push_back(agent); });
    auto const peer = fleet.connect();
    auto const answer =
        fleet.driver.table.find("register")->run(json_of({{"agentip", "10.0.0.1"}}).root(), {peer, nullptr});
    CHECK(std::holds_alternative<Reply>(answer));
    CHECK(heard.empty());
    fleet.driver.run();
    CHECK(heard == std::vector<Ip>{ip("10.0.0.1")});
    fleet.enroll(peer, "10.0.0.1");
    CHECK(heard.size() == 2);
}

TEST_CASE(
    "who asked hears of an agent that was taken for offline and speaks again on the same link", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    std::vector<Ip> heard;
    fleet.presence.on_link([&](Ip const& agent) { heard.push_back(agent); });
    fleet.pass(31s);
    bool const was_asked = GENERATE(true, false);
    if (was_asked) CHECK_FALSE(fleet.presence.link(ip("10.0.0.1")));
    REQUIRE(peer->is_open());
    peer->speak();
    auto const beat = [&] {
        static_cast<void>(
            fleet.driver.table.find("beat")->run(json_of(json::object()).root(), {peer, nullptr}));
        fleet.driver.run();
    };
    beat();
    CHECK(fleet.presence.link(ip("10.0.0.1")));
    CHECK(heard == (was_asked ? std::vector<Ip>{ip("10.0.0.1")} : std::vector<Ip>{}));
    beat();
    CHECK(heard.size() == (was_asked ? 1 : 0));
    // What was said of one link does not count for the next.
    fleet.pass(31s);
    CHECK_FALSE(fleet.presence.link(ip("10.0.0.1")));
    heard.clear();
    auto const next = fleet.come("10.0.0.1");
    fleet.driver.run();
    heard.clear();
    static_cast<void>(fleet.driver.table.find("beat")->run(json_of(json::object()).root(), {next, nullptr}));
    fleet.driver.run();
    CHECK(heard.empty());
}

TEST_CASE("what an agent said of itself is told again", "[heartbeat]")
{
    Fleet fleet;
    fleet.presence.crons_from([](Ip const&, Caller const&) {
        return std::vector<TaskId>{TaskId(1), TaskId(2)};
    });
    fleet.come("::0:1",
        {{"asset", "A-17"}, {"os", "Linux"}, {"version", "1.2"}, {"starttime", "2026-01-01 00:00:00"},
            {"hw_config", "64 cores"}, {"apps", {{"demo", "1.0"}, {"other", "2"}}}});
    fleet.pass(5s);
    CHECK(fleet.info("::1") ==
          json::object{{"agent_starttime", "2026-01-01 00:00:00"}, {"hw_config", "64 cores"},
              {"cronlist", {"0000000000000001", "0000000000000002"}}, {"status", "online"}, {"asset", "A-17"},
              {"os", "linux"}, {"version", "1.2"}, {"apps", {{"demo", "1.0"}, {"other", "2"}}},
              {"last_hb_time", "2026-01-01 00:00:00"}});
}

TEST_CASE("what an agent did not say is empty", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.1");
    CHECK(fleet.info("10.0.0.1") == json::object{{"agent_starttime", ""}, {"hw_config", ""},
                                        {"cronlist", json::array()}, {"status", "online"}, {"asset", ""},
                                        {"os", ""}, {"version", ""}, {"apps", json::object()},
                                        {"last_hb_time", "2026-01-01 00:00:00"}});
}

TEST_CASE("statuses of a list come in its order, doubles too", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.1");
    fleet.come("10.0.0.2")->close("gone");
    CHECK(fleet.call("getstatbyiplist", {{"iplist", {"10.0.0.3", "10.0.0.1", "10.0.0.2", "10.0.0.1"}}})
              .at("status") == json::array{"unknown", "online", "offline", "online"});
    CHECK(fleet.call("getstatbyiplist", {{"iplist", json::array()}}).at("status").as_array().empty());
}

TEST_CASE("agents online are counted by operating system, as strings", "[heartbeat]")
{
    Fleet fleet;
    CHECK(fleet.stat() ==
          json::object{{"totalonline", "0"}, {"linuxonline", "0"}, {"winonline", "0"}, {"totalknown", "0"}});
    fleet.come("10.0.0.1", {{"os", "Linux"}});
    fleet.come("10.0.0.2", {{"os", "linux"}});
    fleet.come("10.0.0.3", {{"os", "Windows"}});
    fleet.come("10.0.0.4", {{"os", "WINDOWS Server 2022"}});
    fleet.come("10.0.0.5", {{"os", "FreeBSD"}});
    fleet.come("10.0.0.6", {{"os", "linux"}})->close("gone");
    fleet.come("10.0.0.7");
    fleet.come("10.0.0.8", {{"os", "plan9"}})->close("gone");
    CHECK(fleet.stat() == json::object{{"totalonline", "6"}, {"linuxonline", "2"}, {"winonline", "2"},
                              {"freebsdonline", "1"}, {"plan9online", "0"}, {"totalknown", "8"}});
}

TEST_CASE("no agent's operating system can pass itself off as the total", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.1", {{"os", "total"}})->close("gone");
    fleet.come("10.0.0.2", {{"os", "linux"}});
    CHECK(fleet.stat().at("totalonline").as_string() == "1");
}

TEST_CASE("agents are listed by IP, by status and by operating system", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.10", {{"os", "linux"}, {"hw_config", "large"}});
    fleet.come("10.0.0.2", {{"os", "windows"}});
    fleet.come("10.0.0.3", {{"os", "linux"}})->close("gone");
    CHECK(fleet.listed() == Names{"10.0.0.2", "10.0.0.3", "10.0.0.10"});
    CHECK(fleet.listed({{"status", "online"}}) == Names{"10.0.0.2", "10.0.0.10"});
    CHECK(fleet.listed({{"status", "offline"}}) == Names{"10.0.0.3"});
    CHECK(fleet.listed({{"os", "Windows"}}) == Names{"10.0.0.2"});
    CHECK(fleet.listed({{"os", "linux"}, {"status", "online"}}) == Names{"10.0.0.10"});
    CHECK(fleet.listed({{"status", ""}, {"os", ""}}).size() == 3);
    auto const page = fleet.call("listagents", {{"os", "win"}});
    CHECK(page.at("agents").as_array().at(0).as_object() ==
          json::object{{"agentip", "10.0.0.2"}, {"status", "online"}, {"asset", ""}, {"os", "win"},
              {"version", ""}, {"agent_starttime", ""}, {"last_hb_time", "2026-01-01 00:00:00"},
              {"apps", json::object()}});
}

TEST_CASE("the list of agents comes in pages that miss none, and the last has no next", "[heartbeat]")
{
    Fleet fleet;
    for (int n = 1; n <= 4; ++n) fleet.come("10.0.0." + std::to_string(n));
    auto const first = fleet.call("listagents", {{"limit", 2}});
    CHECK(first.at("next").as_string() == "10.0.0.2");
    auto const second = fleet.call("listagents", {{"limit", "2"}, {"after", first.at("next")}});
    CHECK(second.at("agents").as_array().size() == 2);
    CHECK_FALSE(second.contains("next"));
    CHECK(fleet.listed({{"after", "10.0.0.4"}}).empty());
}

TEST_CASE("what a key may not touch is refused by name and left out of the list of agents", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.1");
    fleet.come("10.0.1.1");
    Caller const near{nullptr, some_key(Role::viewer, {"10.0.0.0/24"})};
    CHECK(fleet.listed({}, near) == Names{"10.0.0.1"});
    CHECK(fleet.listed({{"after", "9.0.0.0"}, {"limit", 1}}, near) == Names{"10.0.0.1"});
    CHECK_FALSE(fleet.call("listagents", {{"limit", 1}}, near).contains("next"));
    for (auto const* method : {"getstatbyip", "getinfobyip"}) {
        CHECK(fleet.refusal(method, {{"agentip", "10.0.1.1"}}, near).starts_with("[401.6]"));
    }
    CHECK(fleet.refusal("getstatbyiplist", {{"iplist", {"10.0.0.1", "10.0.1.1"}}}, near)
              .starts_with("[401.6]"));
}

TEST_CASE("an agent's key registers the IPs of its ranges and no others", "[heartbeat]")
{
    Fleet fleet;
    auto const key = some_key(Role::agent, {"10.0.0.0/24"});
    CHECK(fleet.refusal("register", {{"agentip", "10.0.0.1"}}, {fleet.connect(), key}).empty());
    CHECK(
        fleet.refusal("register", {{"agentip", "10.0.1.1"}}, {fleet.connect(), key}).starts_with("[401.6]"));
    CHECK(fleet.status("10.0.1.1") == "unknown");
}

TEST_CASE("wrong input to heartbeat is refused with the field's name", "[heartbeat]")
{
    Fleet fleet;
    struct Wrong {
        std::string_view method;
        json::object fields;
        std::string_view code;
        std::string_view field;
    };
    json::object many;
    for (int n = 0; n < 1001; ++n) many["app" + std::to_string(n)] = "1";
    std::string const long_text(257, 'x');
    std::vector<Wrong> const all{
        {"getstatbyip", {}, "[403.1]", "agentip"},
        {"getstatbyip", {{"agentip", "10.0.0.256"}}, "[403.1]", "agentip"},
        {"getinfobyip", {}, "[403.1]", "agentip"},
        {"getinfobyip", {{"agentip", 5}}, "[403.1]", "agentip"},
        {"getstatbyiplist", {}, "[403.1]", "iplist"},
        {"getstatbyiplist", {{"iplist", {"10.0.0.1", "x"}}}, "[403.1]", "iplist[1]"},
        {"listagents", {{"status", "asleep"}}, "[403.10]", "status"},
        {"listagents", {{"os", 5}}, "[403.10]", "os"},
        {"listagents", {{"after", "x"}}, "[403.1]", "after"},
        {"listagents", {{"limit", 0}}, "[403.10]", "limit"},
        {"listagents", {{"limit", 1001}}, "[403.10]", "limit"},
        {"listagents", {{"limit", "x"}}, "[403.10]", "limit"},
        {"register", {}, "[403.1]", "agentip"},
        {"register", {{"agentip", "nowhere"}}, "[403.1]", "agentip"},
        {"register", {{"agentip", "10.0.0.1"}, {"asset", long_text}}, "[403.10]", "asset"},
        {"register", {{"agentip", "10.0.0.1"}, {"os", long_text}}, "[403.10]", "os"},
        {"register", {{"agentip", "10.0.0.1"}, {"version", 1}}, "[403.10]", "version"},
        {"register", {{"agentip", "10.0.0.1"}, {"starttime", long_text}}, "[403.10]", "starttime"},
        {"register", {{"agentip", "10.0.0.1"}, {"hw_config", std::string(64 * 1024 + 1, 'x')}}, "[403.10]",
            "hw_config"},
        {"register", {{"agentip", "10.0.0.1"}, {"apps", {"demo"}}}, "[403.10]", "apps"},
        {"register", {{"agentip", "10.0.0.1"}, {"apps", {{"demo", 1}}}}, "[403.10]", "apps.demo"},
        {"register", {{"agentip", "10.0.0.1"}, {"apps", many}}, "[403.10]", "apps"},
    };
    for (auto const& wrong : all) {
        auto const text = fleet.refusal(wrong.method, wrong.fields, {fleet.connect(), nullptr});
        INFO(wrong.method << " " << wrong.field << ": " << text);
        CHECK(text.starts_with(wrong.code));
        CHECK(text.find("`" + std::string(wrong.field) + "`") != std::string::npos);
    }
    CHECK(fleet.listed().empty());
}

TEST_CASE("what an agent says may have 256 characters, of any script", "[heartbeat]")
{
    Fleet fleet;
    std::string asset;
    for (int n = 0; n < 256; ++n) asset += "机";
    fleet.come("10.0.0.1", {{"asset", asset}, {"hw_config", std::string(64 * 1024, 'x')}});
    CHECK(fleet.info("10.0.0.1").at("asset").as_string() == asset);
}

TEST_CASE("of an agent's apps those that could be called are kept, each with the beginning of its version",
    "[heartbeat]")
{
    Fleet fleet;
    json::object apps{{"demo", "1.0 beta"}, {".hidden", "1"}, {"no/name", 7}, {"", "1"}};
    apps[std::string(65, 'x')] = "1";
    apps[std::string(64, 'x')] = "longest";
    apps["long"] = std::string(100'000, '1');
    apps["odd"] = "2.0\n3.0";
    fleet.come("10.0.0.1", {{"apps", apps}});
    CHECK(fleet.info("10.0.0.1").at("apps") == json::object{{"demo", "1.0 beta"},
                                                   {std::string(64, 'x'), "longest"},
                                                   {"long", std::string(64, '1')}, {"odd", "2.0"}});
}

TEST_CASE("agents that were seen before a restart are offline and still known", "[heartbeat]")
{
    Fleet fleet;
    fleet.come("10.0.0.1", {{"os", "linux"}, {"hw_config", "of before"}, {"apps", {{"demo", "1"}}}});
    fleet.module->stop();
    auto const again = make_heartbeat(fleet.host);
    again->start();
    ModuleDriver driver(*again, fleet.loop);
    CHECK(driver.call("getstatbyip", {{"agentip", "10.0.0.1"}}).at("status").as_string() == "offline");
    auto const info = driver.call("getinfobyip", {{"agentip", "10.0.0.1"}});
    CHECK(info.at("hw_config").as_string() == "of before");
    CHECK(info.at("apps") == json::object{{"demo", "1"}});
    CHECK(info.at("last_hb_time").as_string() == "2026-01-01 00:00:00");
    CHECK(driver.call("getonlinestat").at("stat") ==
          json::object{{"totalonline", "0"}, {"linuxonline", "0"}, {"winonline", "0"}, {"totalknown", "1"}});
}

TEST_CASE(
    "whether an agent has registered since the start is known, wherever the clock is set", "[heartbeat]")
{
    Fleet fleet;
    auto const& directory = fleet.host.need<AgentDirectory>("a test");
    auto const link = fleet.come("10.0.0.1");
    CHECK(directory.agent(ip("10.0.0.1"))->has_registered);
    link->close("lost");
    CHECK(directory.agent(ip("10.0.0.1"))->has_registered);
    fleet.module->stop();
    fleet.clock.jump(fleet.clock.now() - 1h);
    Host host{fleet.loop.get_executor(), fleet.clock, fleet.store, Zone()};
    auto const again = make_heartbeat(host);
    again->start();
    CHECK_FALSE(host.need<AgentDirectory>("a test").agent(ip("10.0.0.1"))->has_registered);
}

TEST_CASE("many registers are written in one work, within a second", "[heartbeat]")
{
    Fleet fleet;
    for (int n = 1; n <= 50; ++n) fleet.come("10.0.0." + std::to_string(n));
    CHECK(fleet.store.posted() == 0);
    fleet.pass(1s);
    CHECK(fleet.store.posted() == 1);
    CHECK(fleet.heard_on_disk("10.0.0.50") == 1'767'225'600'000);
    fleet.pass(5s);
    CHECK(fleet.store.posted() == 1);
}

TEST_CASE("beats reach the disk once a minute at most, and when the server stops", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    for (int n = 0; n < 300; ++n) {
        fleet.pass(1s);
        peer->speak();
    }
    // And how many are online, once a minute, too.
    CHECK(fleet.store.posted() >= 8);
    CHECK(fleet.store.posted() <= 12);
    fleet.module->stop();
    CHECK(fleet.heard_on_disk("10.0.0.1") == 1'767'225'600'000 + 300'000);
}

TEST_CASE("when an agent was last heard outlives its link", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(20s);
    peer->speak();
    fleet.pass(5s);
    peer->close("gone");
    fleet.pass(60s);
    CHECK(fleet.info("10.0.0.1").at("last_hb_time").as_string() == "2026-01-01 00:00:20");
    CHECK(fleet.heard_on_disk("10.0.0.1") == 1'767'225'600'000 + 20'000);
}

TEST_CASE("what the disk did not take of the agents is written when it does again", "[heartbeat]")
{
    Fleet fleet;
    fleet.store.fail_all(true);
    auto const peer = fleet.come("10.0.0.1");
    fleet.pass(3s);
    CHECK(fleet.heard_on_disk("10.0.0.1") == -1);
    CHECK(fleet.status("10.0.0.1") == "online");
    fleet.store.fail_all(false);
    fleet.pass(1s);
    CHECK(fleet.heard_on_disk("10.0.0.1") == 1'767'225'600'000);
}

TEST_CASE("there is a bound to the number of agents, and known ones can come again", "[heartbeat]")
{
    Fleet fleet;
    AgentRecords records(fleet.store);
    Agents::Bounds const bounds{1, 100'000};
    Heartbeat heartbeat(records, fleet.clock, Zone(), fleet.loop.get_executor(), bounds);
    ModuleDriver driver(heartbeat, fleet.loop);
    auto const peer = fleet.connect();
    CHECK(driver.refusal("register", {{"agentip", "10.0.0.1"}}, {peer, nullptr}).empty());
    CHECK(driver.refusal("register", {{"agentip", "10.0.0.2"}}, {peer, nullptr}).starts_with("[429.1]"));
    CHECK(heartbeat.agent_of(*peer) == ip("10.0.0.1"));
    CHECK(driver.refusal("register", {{"agentip", "10.0.0.1"}}, {fleet.connect(), nullptr}).empty());
}

TEST_CASE("what all agents say of themselves is bounded in bytes", "[heartbeat]")
{
    asio::io_context loop;
    ManualClock clock;
    // Each takes 1,024 beside its texts.
    Agents::Bounds const bounds{100, 2 * 21'024};
    Agents agents(clock, bounds);
    auto const of_size = [](std::string_view agent, std::size_t size) {
        AgentRecord record;
        record.ip = ip(agent);
        record.hw_config = std::string(size, 'x');
        return record;
    };
    auto const refusal = [&](AgentRecord said) -> std::string {
        try {
            agents.link(
                std::move(said), std::make_shared<FakePeer>(loop.get_executor(), clock, "127.0.0.1", 1), "");
            return "";
        } catch (Error const& error) {
            return error.info();
        }
    };
    auto const is_taken = [&](std::string_view agent, std::size_t size) {
        return refusal(of_size(agent, size)).empty();
    };
    auto const size_of = [&](std::string_view agent) {
        auto const* const known = agents.find(ip(agent));
        return known ? known->record.hw_config.size() : std::string::npos;
    };
    REQUIRE(is_taken("10.0.0.1", 20'000));
    REQUIRE(is_taken("10.0.0.2", 18'000));
    SECTION("a new one has to find room, its apps too")
    {
        auto const refused = refusal(of_size("10.0.0.3", 20'000));
        CHECK(refused.starts_with("[429.1]"));
        CHECK(refused.find("`hw_config`") != std::string::npos);
        CHECK_FALSE(agents.find(ip("10.0.0.3")));
        auto with_apps = of_size("10.0.0.3", 0);
        for (int n = 0; n < 20; ++n) with_apps.apps["app" + std::to_string(n)] = "1";
        CHECK(refusal(with_apps).starts_with("[429.1]"));
        CHECK_FALSE(is_taken("10.0.0.3", 977));
        CHECK(is_taken("10.0.0.3", 976));
    }
    SECTION("a known one grows into what is left, and no further: it stays as it was")
    {
        CHECK(is_taken("10.0.0.2", 20'000));
        auto const link = agents.find(ip("10.0.0.1"))->link;
        CHECK_FALSE(is_taken("10.0.0.1", 20'001));
        CHECK(size_of("10.0.0.1") == 20'000);
        CHECK(agents.find(ip("10.0.0.1"))->link == link);
        CHECK(link->is_open());
    }
    SECTION("one that says the same, or less, always comes again, and what it gives up is room")
    {
        REQUIRE(is_taken("10.0.0.2", 20'000));
        for (int n = 0; n < 10; ++n) CHECK(is_taken("10.0.0.1", 20'000));
        CHECK(is_taken("10.0.0.1", 8'976));
        CHECK_FALSE(is_taken("10.0.0.3", 10'001));
        CHECK(is_taken("10.0.0.3", 10'000));
    }
    SECTION("those of before a restart count, and are all there where they are over the bound")
    {
        agents.take_up({of_size("10.0.1.1", 30'000), of_size("10.0.1.2", 30'000)});
        CHECK(size_of("10.0.1.1") == 30'000);
        CHECK(size_of("10.0.1.2") == 30'000);
        CHECK(is_taken("10.0.1.1", 30'000));
        CHECK_FALSE(is_taken("10.0.1.2", 30'001));
        CHECK_FALSE(is_taken("10.0.0.3", 0));
        CHECK(is_taken("10.0.1.1", 29'999));
        for (auto const* agent : {"10.0.1.1", "10.0.1.2", "10.0.0.1"}) CHECK(is_taken(agent, 0));
        CHECK(is_taken("10.0.0.3", 0));
    }
}

TEST_CASE("heartbeat's settings are taken at start and on change, or refused as a whole", "[heartbeat]")
{
    Fleet fleet;
    auto const configure = [&](std::string_view text) {
        fleet.module->configure(Settings::parse(text, "elves.conf").section("heartbeat"));
    };
    auto const peer = fleet.come("10.0.0.1");
    configure("[heartbeat]\ninterval = 2\noffline_after = 5\n");
    CHECK(fleet.enroll(peer, "10.0.0.1").at("interval") == 2);
    CHECK_THROWS_AS(configure("[heartbeat]\ninterval = 5\noffline_after = 5\n"), SettingsError);
    CHECK_THROWS_AS(configure("[heartbeat]\ninterval = 60\n"), SettingsError);
    CHECK_THROWS_AS(configure("[heartbeat]\ninterval = soon\n"), SettingsError);
    CHECK_THROWS_AS(configure("[heartbeat]\ninterval = 0\n"), SettingsError);
    fleet.pass(5s);
    CHECK(fleet.status("10.0.0.1") == "online");
    fleet.pass(1s);
    CHECK(fleet.status("10.0.0.1") == "offline");
    configure("");
    CHECK(fleet.enroll(peer, "10.0.0.1").at("interval") == 10);
}

TEST_CASE("a stopped heartbeat leaves no timer, and one that is gone is not called", "[heartbeat]")
{
    Fleet fleet;
    auto const peer = fleet.come("10.0.0.1");
    fleet.module->stop();
    CHECK(fleet.clock.waiting() == 0);
    fleet.module.reset();
    peer->close("gone");
    fleet.driver.run();
    CHECK(peer.use_count() == 1);
}

TEST_CASE("heartbeat's reads need a reader, its reports an agent", "[heartbeat]")
{
    Fleet fleet;
    for (auto const* method :
        {"getstatbyip", "getinfobyip", "getstatbyiplist", "getonlinestat", "listagents"}) {
        CHECK(fleet.driver.table.find(method)->right == Right::read);
    }
    for (auto const* method : {"register", "beat"})
        CHECK(fleet.driver.table.find(method)->right == Right::report);
}
