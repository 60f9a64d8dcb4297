#include "target_match.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Target::Labels const labels{"env", "role"};
Instant const now{1'000'000'000s};

struct Hosts {
    json::object apps{{"nginx", "1.10.2"}, {"bare", ""}};
    json::object facts{{"rack", "r12"}};
    Labels prod{{"env", "prod"}, {"role", "db"}};
    /// An agent with everything.
    TargetHost full()
    {
        TargetHost host{Ip::parse("10.0.0.1").value()};
        host.agent = AgentView{host.ip, "web1", "win", "0.2.0", &apps, &facts, true, now - 5s};
        host.machine = InventoryView{host.ip, "sn1", "fra", "main", "", "", "Ann"};
        host.labels = &prod;
        return host;
    }
    /// A record of the inventory, and nothing else.
    static TargetHost bare()
    {
        TargetHost host{Ip::parse("fd00::1").value()};
        host.machine = InventoryView{host.ip, "", "", "", "", "", ""};
        return host;
    }
    static TargetHost offline()
    {
        TargetHost host{Ip::parse("10.0.0.2").value()};
        host.agent = AgentView{host.ip, "", "", "", nullptr, nullptr, false, now - 2h};
        return host;
    }
};

std::string judged(std::string const& text, TargetHost const& host, TargetContext const& context = {})
{
    auto const target = Target::parse(text, &labels);
    return std::string(match_text(TargetMatcher(target, context, now).match(host)));
}

} // namespace

TEST_CASE("a host is judged by each test in three values", "[fleet]")
{
    Hosts hosts;
    struct Row {
        char const* text;
        char const* full;
        char const* bare;
        char const* offline;
    };
    for (auto const& row :
        {Row{"all", "true", "true", "true"}, {"env=prod", "true", "undecided", "undecided"},
            {"env!=prod", "false", "undecided", "undecided"},
            {"not env=prod", "false", "undecided", "undecided"},
            {"env~p?od", "true", "undecided", "undecided"}, {"env!~p*", "false", "undecided", "undecided"},
            {"env=Prod", "false", "undecided", "undecided"},
            {"env in (a,prod)", "true", "undecided", "undecided"}, {"has env", "true", "false", "false"},
            {"not has env", "false", "true", "true"},
            {"env=prod or status=unknown", "true", "true", "undecided"},
            {"env=prod and status=online", "true", "false", "false"},
            {"web1", "true", "undecided", "undecided"}, {"not web1", "false", "undecided", "undecided"},
            {"asset=x", "false", "undecided", "undecided"}, {"os=windows", "true", "undecided", "undecided"},
            {"os~W*", "true", "undecided", "undecided"}, {"agent<0.10", "true", "undecided", "undecided"},
            {"app.nginx>1.9", "true", "undecided", "undecided"},
            {"app.bare=1", "undecided", "undecided", "undecided"}, {"has app.bare", "true", "false", "false"},
            {"app.none=1", "undecided", "undecided", "undecided"},
            {"fact.rack=r12", "true", "undecided", "undecided"},
            {"idc=fra", "true", "undecided", "undecided"}, {"has sub_cat", "false", "false", "false"},
            {"status=offline", "false", "false", "true"}, {"seen<1m", "true", "undecided", "false"},
            {"seen>=2h", "false", "undecided", "true"}, {"seen>2h", "false", "undecided", "false"},
            {"has seen", "true", "false", "true"}, {"10.0.0.1", "true", "false", "false"},
            {"10.9.9.9/8", "true", "false", "true"}, {"10.0.0.2-10.0.0.9", "false", "false", "true"},
            {"ip<10.0.0.2", "true", "false", "false"}, {"ip>10.0.0.9", "false", "true", "false"},
            {"ip in (fd00::1)", "false", "true", "false"}, {"fd00::/8", "false", "true", "false"},
            {"has ip", "true", "true", "true"}}) {
        CAPTURE(row.text);
        CHECK(judged(row.text, hosts.full()) == row.full);
        CHECK(judged(row.text, Hosts::bare()) == row.bare);
        CHECK(judged(row.text, Hosts::offline()) == row.offline);
    }
}

TEST_CASE("groups and runs select by what they are; a group may be undecided", "[fleet]")
{
    Hosts hosts;
    TargetContext context;
    context.groups.emplace(
        "prod", std::make_shared<Target const>(Target::parse("env=prod and @win", &labels)));
    context.groups.emplace("win", std::make_shared<Target const>(Target::parse("os=win", &labels)));
    auto const id = TaskId::parse("A49B1E8FA1B43BC5").value();
    context.runs[{id, "failed"}] = {Ip::parse("10.0.0.1").value()};
    CHECK(judged("@prod", hosts.full(), context) == "true");
    CHECK(judged("not @prod", Hosts::offline(), context) == "undecided");
    CHECK(judged("run:A49B1E8FA1B43BC5:failed", hosts.full(), context) == "true");
    CHECK(judged("run:A49B1E8FA1B43BC5:failed", Hosts::offline(), context) == "false");
}

TEST_CASE("what left a host undecided is named, also inside groups", "[fleet]")
{
    TargetContext context;
    context.groups.emplace(
        "prod", std::make_shared<Target const>(Target::parse("env=prod or fact.a=1", &labels)));
    auto const target = Target::parse("(role=db or has ip) and @prod and web1", &labels);
    TargetMatcher matcher(target, context, now);
    REQUIRE(matcher.match(Hosts::offline()) == Match::undecided);
    std::set<std::string> fields;
    matcher.add_undecided(Hosts::offline(), fields);
    CHECK(fields == std::set<std::string>{"asset", "env", "fact.a"});
    CHECK(matcher.rests_on_facts());
}
