#include "apps/apps_service.hpp"

#include <algorithm>

#include "apps_schema.hpp"
#include "catch.hpp"
#include "elves/sha256.hpp"
#include "support/fake_task_engine.hpp"
#include "support/module_driver.hpp"
#include "support/run_house.hpp"
#include "support/some_key.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

/// Agents as the test says them.
class SomeAgents final : public AgentDirectory {
public:
    struct One {
        json::object apps;
        bool online = true;
    };
    std::map<Ip, One> all;

    [[nodiscard]] std::optional<AgentView> agent(Ip const& ip) const override
    {
        auto const found = all.find(ip);
        return found == all.end() ? std::nullopt : std::optional(view_of(*found));
    }
    [[nodiscard]] std::vector<AgentView> agents_behind(
        std::optional<Ip> const& place, std::size_t most) const override
    {
        std::vector<AgentView> views;
        for (auto at = place ? all.upper_bound(*place) : all.begin(); at != all.end() && views.size() < most;
             ++at)
            views.push_back(view_of(*at));
        return views;
    }
    [[nodiscard]] json::object listed(Ip const&) const override { return {}; }
    [[nodiscard]] std::chrono::seconds offline_after() const override { return 30s; }

private:
    static AgentView view_of(std::pair<Ip const, One> const& one)
    {
        AgentView view;
        view.ip = one.first;
        view.apps = &one.second.apps;
        view.online = one.second.online;
        view.has_registered = true;
        return view;
    }
};

struct AppsHouse {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    FakeTaskEngine engine{store, clock};
    FakePresence presence;
    SomeAgents agents;
    FixedTargets targets;
    Packages packages{store, clock, loop.get_executor()};
    Assignments assignments{
        {packages, engine, presence, agents, targets, nullptr, store, clock, loop.get_executor()}};
    AppsService module{packages, assignments, nullptr, Zone()};
    std::unique_ptr<ModuleDriver> driver;

    AppsHouse()
    {
        store.migrate("apps", apps_schema);
        driver = std::make_unique<ModuleDriver>(module, loop);
        module.start();
    }
    ~AppsHouse() { module.stop(); }

    json::object call(std::string_view method, json::object const& fields, Caller caller = {})
    {
        return driver->call(method, fields, std::move(caller));
    }
    std::string refusal(std::string_view method, json::object const& fields, Caller caller = {})
    {
        return driver->refusal(method, fields, std::move(caller));
    }
    std::string begin(std::string const& bytes, std::string const& version, std::string const& app = "greet")
    {
        auto const begun =
            call("beginpush", {{"app", app}, {"version", version}, {"sha256", Sha256().hex(bytes)},
                                  {"size", std::to_string(bytes.size())}});
        return std::string(begun.at("upload").as_string());
    }
    void push(std::string const& bytes, std::string const& version, std::string const& app = "greet")
    {
        auto const upload = begin(bytes, version, app);
        call("pushpiece", {{"upload", upload}, {"offset", 0}, {"data", base64(bytes)}});
        call("endpush", {{"upload", upload}});
    }
    std::int64_t count(std::string const& table)
    {
        std::int64_t rows = 0;
        store.at_start([&](Db& db) {
            auto row = db.run("SELECT count(*) FROM " + table);
            if (row.next()) rows = row.number(0);
        });
        return rows;
    }
    void wait(std::chrono::milliseconds time)
    {
        clock.advance(time);
        driver->run();
    }
    [[nodiscard]] std::vector<Task> sent() const { return engine.tasks(); }
    [[nodiscard]] json::object assigned()
    {
        return call("listassignments", {}).at("assignments").as_array().at(0).as_object();
    }
};

std::string text_at(json::object const& fields, std::string_view name)
{
    return std::string(fields.at(name).as_string());
}

} // namespace

TEST_CASE("a package comes back byte by byte, wherever a read begins", "[apps]")
{
    AppsHouse house;
    std::string bytes;
    for (int i = 0; bytes.size() < 300'000; ++i) bytes += std::to_string(i * i) + ",";
    auto const upload = house.begin(bytes, "1");
    constexpr std::size_t piece = 100'000;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        house.call(
            "pushpiece", {{"upload", upload}, {"offset", at}, {"data", base64(bytes.substr(at, piece))}});
    CHECK(text_at(house.call("endpush", {{"upload", upload}}), "sha256") == Sha256().hex(bytes));
    for (std::size_t const at :
        {std::size_t{0}, std::size_t{99'990}, std::size_t{250'000}, bytes.size() - 1}) {
        auto const read =
            house.call("readpiece", {{"app", "greet"}, {"version", "1"}, {"offset", at}, {"limit", 131'072}});
        CHECK(from_base64(text_at(read, "data")) == bytes.substr(at, 131'072));
    }
    CHECK_THAT(house.refusal(
                   "readpiece", {{"app", "greet"}, {"version", "1"}, {"offset", bytes.size()}, {"limit", 1}}),
        Catch::StartsWith("[403.10]"));
    CHECK_THAT(house.refusal("readpiece", {{"app", "greet"}, {"version", "2"}, {"offset", 0}, {"limit", 1}}),
        Catch::StartsWith("[413.2]"));
}

TEST_CASE("bytes of another hash make no version, and leave none in the store", "[apps]")
{
    AppsHouse house;
    auto const upload = house.begin("right", "1");
    house.call("pushpiece", {{"upload", upload}, {"offset", 0}, {"data", base64("wrong")}});
    CHECK_THAT(house.refusal("endpush", {{"upload", upload}}), Catch::Contains("nothing was kept"));
    CHECK(house.call("listversions", {}).at("versions").as_array().empty());
    CHECK(house.count("app_piece") == 0);
    CHECK(house.count("app_package") == 0);
}

TEST_CASE("the same bytes are kept once, until the last version of them is deleted", "[apps]")
{
    AppsHouse house;
    house.push("bytes", "1");
    auto const again = house.call(
        "beginpush", {{"app", "other"}, {"version", "1"}, {"sha256", Sha256().hex("bytes")}, {"size", "5"}});
    CHECK(text_at(again, "offset") == "5");
    house.call("endpush", {{"upload", again.at("upload")}});
    CHECK(house.count("app_package") == 1);
    house.call("delversion", {{"app", "greet"}, {"version", "1"}});
    CHECK(house.count("app_piece") == 1);
    house.call("delversion", {{"app", "other"}, {"version", "1"}});
    CHECK(house.count("app_piece") == 0);
}

TEST_CASE("a version never changes", "[apps]")
{
    AppsHouse house;
    house.push("bytes", "1");
    CHECK(house
              .call("beginpush",
                  {{"app", "greet"}, {"version", "1"}, {"sha256", Sha256().hex("bytes")}, {"size", "5"}})
              .contains("known"));
    CHECK_THAT(house.refusal("beginpush",
                   {{"app", "greet"}, {"version", "1"}, {"sha256", Sha256().hex("other")}, {"size", "5"}}),
        Catch::StartsWith("[409.3]"));
    CHECK_THAT(house.refusal("beginpush",
                   {{"app", "elves"}, {"version", "1"}, {"sha256", Sha256().hex("other")}, {"size", "5"}}),
        Catch::StartsWith("[403.3]"));
}

TEST_CASE("an upload that nobody goes on with is given up", "[apps]")
{
    AppsHouse house;
    auto const upload = house.begin("bytes", "1");
    house.call("pushpiece", {{"upload", upload}, {"offset", 0}, {"data", base64("byt")}});
    house.wait(5min);
    CHECK(house.count("app_piece") == 1);
    house.wait(7min);
    CHECK(house.count("app_piece") == 0);
    CHECK_THAT(house.refusal("endpush", {{"upload", upload}}), Catch::StartsWith("[413.2]"));
}

TEST_CASE("uploads are bounded in number, size and sum, and are those of their app", "[apps]")
{
    AppsHouse house;
    house.packages.set_limits({1'000, 1'500});
    auto const fields = [](std::string const& version, int size) {
        return json::object{
            {"app", "a"}, {"version", version}, {"sha256", std::string(64, '0')}, {"size", size}};
    };
    CHECK_THAT(house.refusal("beginpush", fields("1", 1'001)), Catch::Contains("max_size"));
    auto const upload = house.call("beginpush", fields("1", 1'000)).at("upload");
    CHECK_THAT(house.refusal("beginpush", fields("2", 1'000)), Catch::Contains("max_total"));
    for (int i = 2; i <= 64; ++i) house.call("beginpush", fields(std::to_string(i), 1));
    CHECK_THAT(house.refusal("beginpush", fields("99", 1)), Catch::StartsWith("[429.1]"));
    auto key = std::make_shared<Key>(*some_key(Role::admin));
    key->apps = {"other"};
    Caller other;
    other.key = key;
    CHECK_THAT(house.refusal("pushpiece", {{"upload", upload}, {"offset", 0}, {"data", base64("x")}}, other),
        Catch::StartsWith("[401.6]"));
    CHECK_THAT(house.refusal("pushpiece", {{"upload", upload}, {"offset", 1}, {"data", base64("x")}}),
        Catch::Contains("begins at 0"));
    CHECK_THAT(house.refusal("pushpiece", {{"upload", upload}, {"offset", 0}, {"data", "no base64"}}),
        Catch::Contains("`data`"));
    CHECK_THAT(house.refusal("pushpiece",
                   {{"upload", upload}, {"offset", 0}, {"data", base64(std::string(1'001, 'x'))}}),
        Catch::Contains("beyond the end"));
}

TEST_CASE("a host that registers with another version gets the assigned one, once", "[apps]")
{
    AppsHouse house;
    house.push("bytes", "2");
    house.agents.all[host_ip(1)].apps = {{"greet", "1"}};
    house.agents.all[host_ip(2)].apps = {{"greet", "2"}};
    house.agents.all[host_ip(3)].online = false;
    auto const made = house.call("setassignment", {{"app", "greet"}, {"version", "2"}, {"target", "all"}});
    CHECK(house.sent().empty());
    house.presence.come(host_ip(1), nullptr);
    house.driver->run();
    house.presence.come(host_ip(1), nullptr);
    house.wait(30s);
    REQUIRE(house.sent().size() == 1);
    auto const task = house.sent().front();
    CHECK(task.agent == host_ip(1));
    CHECK(task.ins.name() == "elves.deploy");
    CHECK(Deployment::read(task.ins).version == "2");
    auto shown = house.assigned();
    CHECK(text_at(shown, "current") == "1");
    CHECK(text_at(shown, "waiting") == "1");
    CHECK(text_at(shown, "offline") == "1");
    house.engine.finish(task.id, TaskStatus::done);
    house.agents.all[host_ip(1)].apps = {{"greet", "2"}};
    house.wait(10min);
    CHECK(house.sent().size() == 1);
    CHECK(text_at(house.assigned(), "current") == "2");
    CHECK_THAT(
        house.refusal("delversion", {{"app", "greet"}, {"version", "2"}}), Catch::StartsWith("[409.3]"));
    house.call("delassignment", {{"id", made.at("id")}});
    house.call("delversion", {{"app", "greet"}, {"version", "2"}});
}

TEST_CASE("a deployment that fails is tried again after pauses that grow", "[apps]")
{
    AppsHouse house;
    house.push("bytes", "2");
    house.agents.all[host_ip(1)].apps = {{"greet", "1"}};
    house.call("setassignment", {{"app", "greet"}, {"version", "2"}, {"target", "all"}});
    std::vector<std::chrono::seconds> pauses;
    auto last = house.clock.steady();
    while (pauses.size() < 5) {
        auto const before = house.sent().size();
        while (house.sent().size() == before) house.wait(1s);
        pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(house.clock.steady() - last));
        last = house.clock.steady();
        house.engine.finish(house.sent().back().id, TaskStatus::failed);
    }
    for (std::size_t i = 2; i < pauses.size(); ++i) CHECK(pauses[i] >= pauses[i - 1] * 2 - 2s);
    CHECK(pauses[1] >= 60s);
    auto const shown = house.assigned();
    CHECK(text_at(shown, "failing") == "1");
    CHECK(text_at(shown.at("failures").as_array().at(0).as_object(), "failures") == "5");
    // Another version is tried at once.
    house.push("other bytes", "3");
    house.call("setassignment", {{"app", "greet"}, {"version", "3"}, {"target", "all"}});
    auto const before = house.sent().size();
    house.wait(3s);
    CHECK(house.sent().size() == before + 1);
}

TEST_CASE("of two assignments of an app the newest that selects a host counts", "[apps]")
{
    AppsHouse house;
    house.push("bytes", "1");
    house.push("more bytes", "2");
    house.agents.all[host_ip(1)].apps = {{"greet", "0"}};
    house.agents.all[host_ip(2)].apps = {{"greet", "1"}};
    house.call("setassignment", {{"app", "greet"}, {"version", "1"}, {"target", "all"}});
    house.clock.advance(1ms);
    house.call("setassignment", {{"app", "greet"}, {"version", "2"}, {"target", "10.0.0.1"}});
    house.wait(3s);
    REQUIRE(house.sent().size() == 1);
    CHECK(house.sent().front().agent == host_ip(1));
    CHECK(Deployment::read(house.sent().front().ins).version == "2");
}

TEST_CASE("assignments start some deployments at once, not all", "[apps]")
{
    AppsHouse house;
    house.push("bytes", "2");
    for (int i = 1; i <= 50; ++i) house.agents.all[host_ip(i)].apps = {{"greet", "1"}};
    house.call("setassignment", {{"app", "greet"}, {"version", "2"}, {"target", "all"}});
    house.wait(5s);
    CHECK(house.sent().size() == AssignmentTries::most_open);
    house.engine.finish(house.sent().front().id, TaskStatus::done);
    house.wait(2s);
    CHECK(house.sent().size() == AssignmentTries::most_open + 1);
}

TEST_CASE("a closed window puts an assigned deployment off, and its pause does not grow", "[apps]")
{
    AssignmentTries tries;
    Clock::Steady now{};
    auto const host = host_ip(1);
    for (int i = 0; i < 5; ++i) {
        REQUIRE(tries.may_start(host, "a", "1", now));
        tries.start(host, "a", "1");
        CHECK_FALSE(tries.may_start(host, "a", "1", now));
        tries.put_off(host, "a", "[423.1] window", now);
        CHECK_FALSE(tries.may_start(host, "a", "1", now + 59s));
        now += 60s;
    }
    CHECK(tries.open() == 0);
    tries.start(host, "a", "1");
    tries.forget(host, "a");
    CHECK(tries.open() == 1);
    for (int i = 0; i < 20; ++i) {
        tries.start(host, "a", "1");
        tries.fail(host, "a", "why", now);
    }
    CHECK(tries.may_start(host, "a", "1", now + AssignmentTries::longest_pause));
}
