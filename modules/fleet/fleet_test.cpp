#include "fleet/fleet.hpp"

#include <map>

#include "catch.hpp"
#include "elves/host.hpp"
#include "support/inline_store.hpp"
#include "support/module_driver.hpp"
#include "support/some_key.hpp"
#include "unit/manual_clock.hpp"

namespace elves {
std::unique_ptr<Module> make_fleet(Host& host);
}

using namespace elves;

namespace {

Ip ip(std::string const& text) { return Ip::parse(text).value(); }

/// Agents as heartbeat would have them.
class SomeAgents final : public AgentDirectory {
public:
    struct Said {
        std::string asset;
        bool online = true;
        json::object apps{};
        json::object facts{};
    };
    std::map<Ip, Said> all;

    [[nodiscard]] std::optional<AgentView> agent(Ip const& one) const override
    {
        auto const found = all.find(one);
        return found == all.end() ? std::nullopt : std::optional(view(*found));
    }
    [[nodiscard]] std::vector<AgentView> agents_behind(
        std::optional<Ip> const& place, std::size_t most) const override
    {
        std::vector<AgentView> found;
        for (auto at = place ? all.upper_bound(*place) : all.begin(); at != all.end() && found.size() < most;
             ++at)
            found.push_back(view(*at));
        return found;
    }
    [[nodiscard]] json::object listed(Ip const& one) const override { return {{"agentip", one.text()}}; }
    [[nodiscard]] std::chrono::seconds offline_after() const override { return std::chrono::seconds(30); }

private:
    static AgentView view(std::pair<Ip const, Said> const& agent)
    {
        return {agent.first, agent.second.asset, "linux", "0.1.0", &agent.second.apps, &agent.second.facts,
            agent.second.online, {}};
    }
};

class SomeMachines final : public Inventory {
public:
    std::map<Ip, std::string> idcs;
    [[nodiscard]] std::optional<InventoryView> machine(Ip const& one) const override
    {
        auto const found = idcs.find(one);
        return found == idcs.end() ? std::nullopt : std::optional(view(*found));
    }
    [[nodiscard]] std::vector<InventoryView> machines_behind(
        std::optional<Ip> const& place, std::size_t most) const override
    {
        std::vector<InventoryView> found;
        for (auto at = place ? idcs.upper_bound(*place) : idcs.begin();
             at != idcs.end() && found.size() < most; ++at)
            found.push_back(view(*at));
        return found;
    }

private:
    static InventoryView view(std::pair<Ip const, std::string> const& machine)
    {
        return {machine.first, "", machine.second, "", "", "", ""};
    }
};

/// web1 to web3 are 10.0.0.1 to 3, the last one offline; 10.0.0.9 is in the inventory alone.
struct House {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    SomeAgents agents;
    SomeMachines machines;
    std::unique_ptr<Module> module;
    std::unique_ptr<ModuleDriver> driver;

    House()
    {
        agents.all = {
            {ip("10.0.0.1"), {"web1"}}, {ip("10.0.0.2"), {"web2"}}, {ip("10.0.0.3"), {"web3", false}}};
        machines.idcs = {{ip("10.0.0.1"), "fra"}, {ip("10.0.0.9"), "ams"}};
        host.offer<AgentDirectory>(agents);
        host.offer<Inventory>(machines);
        start();
    }
    void start()
    {
        driver.reset();
        module = make_fleet(host);
        driver = std::make_unique<ModuleDriver>(*module, loop);
        module->start();
    }
    json::object call(std::string_view method, json::object const& fields = {}, Caller caller = {})
    {
        return driver->call(method, fields, std::move(caller));
    }
    std::string refusal(std::string_view method, json::object const& fields = {}, Caller caller = {})
    {
        return driver->refusal(method, fields, std::move(caller));
    }
    std::string found(std::string const& target, Caller caller = {})
    {
        std::string text;
        auto const reply = call("findagents", {{"target", target}}, std::move(caller));
        for (auto const& agent : reply.at("agents").as_array())
            text += (text.empty() ? "" : " ") + std::string(agent.as_object().at("agentip").as_string());
        return text;
    }
    void label(std::string const& target, json::object labels)
    {
        call("setlabels", {{"target", target}, {"labels", std::move(labels)}});
    }
    void group(std::string const& name, std::string const& target)
    {
        call("setgroup", {{"name", name}, {"target", target}});
    }
};

Caller caller_of(std::string const& range) { return {nullptr, some_key(Role::viewer, {range})}; }

} // namespace

TEST_CASE("every agent and every machine of the inventory is a host", "[fleet]")
{
    House house;
    CHECK(house.found("all") == "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.9");
    CHECK(house.found("status=unknown") == "10.0.0.9");
    CHECK(house.found("idc=fra or web3") == "10.0.0.1 10.0.0.3");
}

TEST_CASE("labels select hosts, also after a restart, and a host without one is undecided", "[fleet]")
{
    House house;
    auto const reply = house.call("setlabels", {{"target", "web1 or web2"}, {"labels", {{"env", "prod"}}}});
    CHECK(reply == json::object{{"count", "2"}, {"changed", "2"}});
    CHECK(house.call("setlabels", {{"target", "web1 or web3"}, {"labels", {{"env", "prod"}}}}) ==
          json::object{{"count", "2"}, {"changed", "1"}});
    house.call("setlabels", {{"target", "web3"}, {"labels", {{"role", "db"}}}, {"unset", {"env"}}});
    house.start();
    CHECK(house.found("env=prod") == "10.0.0.1 10.0.0.2");
    CHECK(house.found("not env=prod").empty());
    auto const undecided = house.call("findagents", {{"target", "env!=prod"}});
    CHECK(undecided.at("undecided") == "2");
    CHECK(undecided.at("undecided_by") == json::array{"env"});
    CHECK(undecided.at("count") == "0");
}

TEST_CASE("a label that no host has any more is an unknown field", "[fleet]")
{
    House house;
    house.label("web1", {{"env", "prod"}});
    house.call("setlabels", {{"target", "web1"}, {"unset", {"env"}}});
    CHECK(house.refusal("findagents", {{"target", "env=prod"}}).starts_with("[403.11]"));
}

TEST_CASE("nothing is selected by accident: what does not exist is an error, also behind an or", "[fleet]")
{
    House house;
    for (auto const* const target : {"", "evn=prod", "env=prod", "web1 or evn=x"})
        CHECK(house.refusal("findagents", {{"target", target}}).starts_with("[403.11]"));
    for (auto const* const target : {"nobody", "web1 or nobody", "10.0.0.8", "web1 or not 10.0.0.8"})
        CHECK(house.refusal("findagents", {{"target", target}}).starts_with("[414.1]"));
    CHECK(house.refusal("findagents", {{"target", "web1 or @none"}}).starts_with("[417.2]"));
    CHECK(house.refusal("findagents", {{"target", "run:A49B1E8FA1B43BC5"}}).starts_with("[417.1]"));
    CHECK(house.refusal("findagents").starts_with("[403.11]"));
    CHECK(house.refusal("findagents", {{"target", "all"}, {"limmit", 1}}).find("did you mean `limit`?") !=
          std::string::npos);
}

TEST_CASE("what a key may not touch is left out, and refused where it is named outright", "[fleet]")
{
    House house;
    auto const caller = caller_of("10.0.0.2/31");
    CHECK(house.found("all", caller) == "10.0.0.2 10.0.0.3");
    CHECK(house.found("10.0.0.0/8", caller) == "10.0.0.2 10.0.0.3");
    CHECK(house.refusal("findagents", {{"target", "10.0.0.1 or web2"}}, caller).starts_with("[401.6]"));
    CHECK(house.refusal("findagents", {{"target", "web1"}}, caller).starts_with("[414.1]"));
    house.group("first", "10.0.0.1 or web1 or web2");
    CHECK(house.found("@first", caller) == "10.0.0.2");
}

TEST_CASE("a page goes on where the last one ended, and its digest is that of the whole list", "[fleet]")
{
    House house;
    auto const first = house.call("findagents", {{"target", "all"}, {"limit", 2}});
    CHECK(first.at("next") == "10.0.0.2");
    CHECK(first.at("count") == "4");
    auto const second = house.call("findagents", {{"target", "all"}, {"limit", 2}, {"after", "10.0.0.2"}});
    CHECK(second.at("agents").as_array().size() == 2);
    CHECK_FALSE(second.contains("next"));
    CHECK(first.at("digest") == second.at("digest"));
    CHECK(house.call("findagents", {{"target", "web1"}}).at("digest") != first.at("digest"));
}

TEST_CASE("labels are set only for the list that was looked at", "[fleet]")
{
    House house;
    auto const digest = house.call("findagents", {{"target", "idc=fra"}}).at("digest");
    house.machines.idcs[ip("10.0.0.2")] = "fra";
    json::object const fields{{"target", "idc=fra"}, {"labels", {{"env", "prod"}}}, {"digest", digest}};
    CHECK(house.refusal("setlabels", fields).starts_with("[409.2]"));
    house.machines.idcs.erase(ip("10.0.0.2"));
    CHECK(house.call("setlabels", fields).at("count") == "1");
}

TEST_CASE("labels that can't be are refused by name", "[fleet]")
{
    House house;
    auto const refusal = [&](json::object more) {
        more["target"] = "all";
        return house.refusal("setlabels", more);
    };
    CHECK(refusal({{"labels", {{"Env", "x"}}}}).find("Env") != std::string::npos);
    CHECK(refusal({{"labels", {{"os", "x"}}}}).starts_with("[403.10]"));
    CHECK(refusal({{"labels", {{"env", ""}}}}).find("labels.env") != std::string::npos);
    CHECK(refusal({{"labels", {{"env", std::string(129, 'x')}}}}).starts_with("[403.10]"));
    CHECK(refusal({{"labels", {{"env", "a\nb"}}}}).starts_with("[403.10]"));
    CHECK(refusal({{"unset", {"Env"}}}).starts_with("[403.10]"));
    CHECK(refusal({}).starts_with("[403.10]"));
    CHECK(refusal({{"labels", {{"env", "x"}}}, {"unset", {"env"}}}).starts_with("[403.10]"));
    json::object many;
    for (int i = 0; i < 32; ++i) many["k" + std::to_string(i)] = "v";
    house.label("web1", many);
    CHECK(house.refusal("setlabels", {{"target", "all"}, {"labels", {{"one_more", "v"}}}}).find("10.0.0.1") !=
          std::string::npos);
    CHECK(house.found("k0=v") == "10.0.0.1");
}

TEST_CASE("a disk that takes no labels leaves those before", "[fleet]")
{
    House house;
    house.label("web1", {{"env", "prod"}});
    house.store.fail_next();
    CHECK(house.refusal("setlabels", {{"target", "all"}, {"labels", {{"env", "test"}}}})
              .starts_with("[507.1]"));
    CHECK(house.found("env=prod") == "10.0.0.1");
}

TEST_CASE("groups stand on groups, and never on themselves", "[fleet]")
{
    House house;
    house.group("web", "web1 or web2");
    house.group("canary", "@web and web1");
    CHECK(house.found("@canary") == "10.0.0.1");
    CHECK(house.refusal("setgroup", {{"name", "web"}, {"target", "@canary"}}).starts_with("[403.11]"));
    CHECK(house.refusal("setgroup", {{"name", "new"}, {"target", "@new"}}).starts_with("[403.11]"));
    CHECK(house.refusal("setgroup", {{"name", "new"}, {"target", "@none"}}).starts_with("[417.2]"));
    CHECK(house.refusal("setgroup", {{"name", "New"}, {"target", "all"}}).starts_with("[403.10]"));
    CHECK(house.refusal("delgroup", {{"name", "web"}}).starts_with("[409.4]"));
    CHECK(house.refusal("delgroup", {{"name", "web"}}).find("canary") != std::string::npos);
    house.call("delgroup", {{"name", "canary"}});
    house.call("delgroup", {{"name", "web"}});
    CHECK(house.refusal("delgroup", {{"name", "web"}}).starts_with("[417.2]"));
}

TEST_CASE("groups are nested at most 16 deep, whichever end a chain grows at", "[fleet]")
{
    House house;
    house.group("g0", "all");
    for (int i = 1; i <= 16; ++i) house.group("g" + std::to_string(i), "@g" + std::to_string(i - 1));
    CHECK(house.refusal("setgroup", {{"name", "g17"}, {"target", "@g16"}}).starts_with("[403.11]"));
    CHECK(house.refusal("setgroup", {{"name", "g0"}, {"target", "@bottom"}}).starts_with("[417.2]"));
    house.group("bottom", "all");
    CHECK(house.refusal("setgroup", {{"name", "g0"}, {"target", "@bottom"}}).find("16 deep") !=
          std::string::npos);
}

TEST_CASE("groups are listed with what they select now, and what is wrong with them", "[fleet]")
{
    House house;
    house.label("web1", {{"env", "prod"}});
    house.call("setgroup", {{"name", "prod"}, {"target", "env=prod"}, {"note", "ask Ann"}});
    house.group("first", "10.0.0.9");
    house.machines.idcs.erase(ip("10.0.0.9"));
    house.call("setlabels", {{"target", "web1"}, {"unset", {"env"}}});
    house.start();
    auto const groups = house.call("listgroups").at("groups").as_array();
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].as_object().at("error").as_string().starts_with("[414.1]"));
    auto const& prod = groups[1].as_object();
    CHECK(prod.at("name") == "prod");
    CHECK(prod.at("note") == "ask Ann");
    CHECK(prod.at("count") == "0");
    CHECK(house.call("getgroup", {{"name", "prod"}}).at("groups").as_array().size() == 1);
    CHECK(house.refusal("getgroup", {{"name", "none"}}).starts_with("[417.2]"));
}

TEST_CASE("hosts are counted by a field", "[fleet]")
{
    House house;
    auto const counts = house.call("counthosts", {{"target", "all"}, {"by", "idc"}}).at("counts").as_array();
    CHECK(counts == json::array{json::object{{"value", ""}, {"online", "1"}, {"offline", "1"}},
                        json::object{{"value", "ams"}, {"online", "0"}, {"offline", "1"}},
                        json::object{{"value", "fra"}, {"online", "1"}, {"offline", "0"}}});
    CHECK(house.refusal("counthosts", {{"target", "all"}, {"by", "nothing"}}).starts_with("[403.11]"));
    CHECK(house.refusal("counthosts", {{"target", "all"}, {"by", "seen"}}).starts_with("[403.11]"));
}

TEST_CASE("an expression explains itself for one host", "[fleet]")
{
    House house;
    house.label("web1", {{"env", "prod"}});
    auto const reply = house.call(
        "explaintarget", {{"target", "env=prod and (idc=ams or not web2)"}, {"agentip", "10.0.0.2"}});
    CHECK(reply.at("match") == "undecided");
    CHECK(reply.at("parts") ==
          json::array{json::object{{"text", "env=prod"}, {"match", "undecided"}, {"value", ""}},
              json::object{{"text", "idc=ams"}, {"match", "undecided"}, {"value", ""}},
              json::object{{"text", "web2"}, {"match", "true"}, {"value", "web2"}}});
    CHECK(
        house.refusal("explaintarget", {{"target", "all"}, {"agentip", "10.0.0.8"}}).starts_with("[414.1]"));
}

TEST_CASE("a stored expression judges a host that nobody knows by its address", "[fleet]")
{
    House house;
    auto& targets = *house.host.find<Targets>();
    CHECK(targets.host_test("10.0.7.0/24")->selects(ip("10.0.7.7")));
    CHECK_FALSE(targets.host_test("10.0.7.0/24")->selects(ip("10.0.8.7")));
    CHECK(targets.host_test("all")->selects(ip("10.0.7.7")));
    CHECK_FALSE(targets.host_test("idc=fra")->selects(ip("10.0.7.7")));
}
