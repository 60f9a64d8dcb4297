#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "catch.hpp"
#include "elves/host.hpp"
#include "elves/module.hpp"
#include "elves/services/presence.hpp"
#include "manual_clock.hpp"
#include "support/fake_peer.hpp"
#include "support/inline_store.hpp"
#include "support/module_driver.hpp"

namespace elves {
std::unique_ptr<Module> make_heartbeat(Host& host);
std::unique_ptr<Module> make_supervisor(Host& host);
std::unique_ptr<Module> make_cmdbproxy(Host& host);
} // namespace elves

using namespace elves;
using namespace std::chrono_literals;

namespace {

constexpr auto gone = "10.0.0.5";
constexpr auto stays = "10.0.0.6";

/// Three modules that hold something of machines, and two machines.
struct Site {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    std::unique_ptr<Module> heartbeat = make_heartbeat(host);
    std::unique_ptr<Module> supervisor = make_supervisor(host);
    std::unique_ptr<Module> inventory = make_cmdbproxy(host);
    ModuleDriver agents{*heartbeat, loop};
    ModuleDriver keys{*supervisor, loop};
    ModuleDriver records{*inventory, loop};
    std::shared_ptr<FakePeer> peer = std::make_shared<FakePeer>(loop.get_executor(), clock, gone);
    std::string own_key;
    std::string wide_key;

    Site()
    {
        heartbeat->start();
        supervisor->start();
        inventory->start();
        agents.call("register", {{"agentip", gone}, {"asset", "web-5"}}, {peer, nullptr});
        auto const other = std::make_shared<FakePeer>(loop.get_executor(), clock, stays);
        agents.call("register", {{"agentip", stays}}, {other, nullptr});
        keys.call("join", {{"agentip", gone}, {"hash", std::string(64, 'f')}}, {peer, nullptr});
        for (auto const* const ip : {gone, stays}) {
            records.call("setcmdbinfo", {{"agentip", ip}, {"sn", "1"}});
            auto const made = keys.call("setkey", {{"role", "agent"}, {"iplist", json::array{ip}}});
            if (ip == gone) own_key = made.at("key").as_string();
        }
        wide_key =
            keys.call("setkey", {{"role", "agent"}, {"iplist", {"10.0.0.0/24"}}}).at("key").as_string();
        pass(1s);
    }
    void pass(std::chrono::milliseconds time)
    {
        clock.advance(time);
        agents.run();
    }
    json::object forget(json::object fields = {})
    {
        fields.emplace("iplist", json::array{gone});
        return agents.call("forgetagents", fields);
    }
    std::string refusal(json::object fields = {})
    {
        fields.emplace("iplist", json::array{gone});
        return agents.refusal("forgetagents", fields);
    }
    std::string status(std::string const& ip)
    {
        return std::string(agents.call("getstatbyip", {{"agentip", ip}}).at("status").as_string());
    }
    std::int64_t rows(std::string const& table, std::string const& where)
    {
        auto row = store.db().run("SELECT count(*) FROM " + table + " WHERE " + where);
        return row.next() ? row.number(0) : -1;
    }
};

} // namespace

TEST_CASE("a machine is forgotten with its record, own keys, join requests and inventory", "[forget]")
{
    Site site;
    site.peer->close("gone");
    auto const reply = site.forget();
    auto const& taken = reply.at("agents").as_array().at(0).as_object();
    CHECK(taken.at("agentip").as_string() == gone);
    CHECK(taken.at("asset").as_string() == "web-5");
    CHECK(taken.at("keys") == json::array{site.own_key});
    CHECK(taken.at("inventory").as_string() == "true");
    CHECK(site.status(gone) == "unknown");
    CHECK(site.status(stays) == "online");
    CHECK(site.rows("agent", "ip = '10.0.0.5'") == 0);
    CHECK(site.rows("cmdb_record", "agent = '10.0.0.5'") == 0);
    CHECK(site.rows("cmdb_record", "agent = '10.0.0.6'") == 1);
    CHECK(site.rows("access_key", "id = '" + site.own_key + "'") == 0);
    CHECK(site.rows("access_key", "id = '" + site.wide_key + "'") == 1);
    CHECK(site.keys.call("listjoins").at("joins").as_array().empty());
    CHECK(site.records.refusal("getcmdbinfobyip", {{"agentip", gone}}).starts_with("[415.1]"));
    CHECK(site.keys.refusal("delkey", {{"key", site.own_key}}).starts_with("[413.1]"));
    site.pass(60s); // Nothing of it is written again.
    CHECK(site.rows("agent", "ip = '10.0.0.5'") == 0);
    CHECK(site.refusal().starts_with("[414.1]"));
}

TEST_CASE("a plan says what there is, and takes nothing", "[forget]")
{
    Site site;
    auto const reply = site.forget({{"plan", true}});
    CHECK(reply.at("agents").as_array().at(0).as_object().at("status").as_string() == "online");
    CHECK(site.status(gone) == "online");
    CHECK(site.rows("access_key", "id = '" + site.own_key + "'") == 1);
}

TEST_CASE("a machine that is online is forgotten by force only, and its link is closed then", "[forget]")
{
    Site site;
    auto const refused = site.refusal();
    CHECK(refused.starts_with("[403.10] `iplist`"));
    CHECK(refused.find(gone) != std::string::npos);
    CHECK(site.peer->is_open());
    site.forget({{"force", true}});
    CHECK_FALSE(site.peer->is_open());
    CHECK(site.status(gone) == "unknown");
    // It may come again, and is a new one then.
    auto const again = std::make_shared<FakePeer>(site.loop.get_executor(), site.clock, gone);
    site.agents.call("register", {{"agentip", gone}}, {again, nullptr});
    site.pass(2s);
    CHECK(site.rows("agent", "ip = '10.0.0.5'") == 1);
}

TEST_CASE("what is listed as unseen for a time is offline and was not heard since", "[forget]")
{
    Site site;
    site.peer->close("gone");
    site.pass(1h);
    auto const listed = [&](std::int64_t seconds) {
        return site.agents.call("listagents", {{"unseen_for", seconds}}).at("agents").as_array().size();
    };
    CHECK(listed(3'700) == 0);
    CHECK(listed(3'000) == 2); // The other one has not been heard either.
}

TEST_CASE("an empty list, or one that is too long, is refused", "[forget]")
{
    Site site;
    CHECK(site.agents.refusal("forgetagents", {{"iplist", json::array()}}).starts_with("[403.10] `iplist`"));
    json::array many;
    for (int i = 0; i < 1'001; ++i)
        many.emplace_back("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    CHECK(site.agents.refusal("forgetagents", {{"iplist", many}}).starts_with("[403.10] `iplist`"));
}
