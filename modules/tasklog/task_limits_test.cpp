// One key's tasks must not keep the others' from their agents.
#include "catch.hpp"
#include "support/engine_fixture.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct QuotaHouse : EngineFixture {
    QuotaHouse()
    {
        for (auto const* const key : {"ops", "web"}) quotas.keys[key] = FakeQuotas::unlimited();
        quotas.keys["root"] = FakeQuotas::unlimited();
        quotas.keys["root"].is_admin = true;
    }
    TaskEngine::Order order_by(std::string key, std::string_view to = "10.0.0.1", std::size_t size = 10)
    {
        auto made = order();
        made.by = std::move(key);
        made.agent = Ip::parse(to).value();
        made.ins.ttl = 3600s;
        made.ins.param = std::string(size, 'x');
        return made;
    }
    std::string refusal(std::string key, std::string_view to = "10.0.0.1", std::size_t size = 10)
    {
        return send(order_by(std::move(key), to, size)).refusal();
    }
};

} // namespace

TEST_CASE("the refusal of a key that holds all it may names the key, the quota and its value", "[quotas]")
{
    QuotaHouse house;
    house.quotas.keys["ops"].waiting_tasks = 2;
    CHECK(house.refusal("ops").empty());
    auto const id = house.newest();
    CHECK(house.refusal("ops", "10.0.0.2").empty());
    CHECK(house.refusal("ops", "10.0.0.3")
              .starts_with("[429.1] key name of ops has 2 tasks waiting; its quota waiting_tasks is 2; "));
    SECTION("others go on") { CHECK(house.refusal("web").empty()); }
    SECTION("what ends is given back")
    {
        house.cancel(id);
        CHECK(house.refusal("ops").empty());
    }
    SECTION("a restart keeps the count")
    {
        house.start();
        CHECK(house.refusal("ops").starts_with("[429.1] key name of ops has 2 tasks"));
    }
    SECTION("a raised quota counts at once")
    {
        house.quotas.keys["ops"].waiting_tasks = 3;
        CHECK(house.refusal("ops").empty());
    }
}

TEST_CASE("a key's tasks are bounded in bytes, and in bytes of a day", "[quotas]")
{
    QuotaHouse house;
    house.quotas.keys["ops"].waiting_bytes = 12'000;
    house.quotas.keys["web"].bytes_per_day = 12'000;
    for (auto const* const key : {"ops", "web"}) CHECK(house.refusal(key, "10.0.0.1", 10'000).empty());
    CHECK(house.refusal("ops", "10.0.0.2", 10'000).find("its quota waiting_bytes is 12000") !=
          std::string::npos);
    CHECK(house.refusal("web", "10.0.0.2", 10'000).find("its quota bytes_per_day is 12000") !=
          std::string::npos);
    SECTION("what has ended gives bytes back, and those of the day only at midnight UTC")
    {
        for (auto const id : house.engine->open_all()) house.cancel(id);
        CHECK(house.refusal("ops", "10.0.0.1", 10'000).empty());
        CHECK(house.refusal("web", "10.0.0.1", 10'000).starts_with("[429.1]"));
        house.clock.advance(24h);
        house.settle();
        CHECK(house.refusal("web", "10.0.0.1", 10'000).empty());
    }
}

TEST_CASE("one key fills no more than half of an agent's pool, and all but admins nine tenths", "[quotas]")
{
    QuotaHouse house;
    house.quotas.keys["more"] = FakeQuotas::unlimited();
    house.engine->set_bounds({10, 1'000'000, 10'000'000, 1'000});
    for (int i = 0; i < 5; ++i) CHECK(house.refusal("ops").empty());
    CHECK(house.refusal("ops").find("has 5 tasks waiting for agent 10.0.0.1; one key may have 5 there") !=
          std::string::npos);
    CHECK(house.refusal("ops", "10.0.0.2").empty());
    for (int i = 0; i < 4; ++i) CHECK(house.refusal("web").empty());
    CHECK(house.refusal("more").starts_with("[429.1] agent 10.0.0.1 has 9 unfinished tasks"));
    CHECK(house.refusal("root").empty());
    CHECK(house.refusal("").starts_with("[429.1] agent 10.0.0.1 has 10 unfinished tasks"));
}

TEST_CASE("a part of the server's pools is for admins alone", "[quotas]")
{
    QuotaHouse house;
    SECTION("in number")
    {
        house.engine->set_bounds({100, 1'000'000, 1'000'000, 10});
        for (int i = 0; i < 9; ++i) CHECK(house.refusal("ops", "10.0.0." + std::to_string(i)).empty());
        CHECK(house.refusal("web").starts_with("[429.1] the server has 9 unfinished tasks"));
        CHECK(house.refusal("root").empty());
        CHECK(house.refusal("root").starts_with("[429.1]"));
    }
    SECTION("in bytes")
    {
        house.engine->set_bounds({100, 1'000'000, 100'000, 100});
        for (int i = 0; i < 8; ++i)
            CHECK(house.refusal("ops", "10.0.0." + std::to_string(i), 10'000).empty());
        CHECK(house.refusal("web", "10.0.0.1", 10'000).find("all agents would take") != std::string::npos);
        CHECK(house.refusal("root", "10.0.0.1", 10'000).empty());
    }
    SECTION("a deleted key's tasks take no room in them")
    {
        house.engine->set_bounds({100, 1'000'000, 1'000'000, 10});
        for (int i = 0; i < 9; ++i) CHECK(house.refusal("ops", "10.0.0." + std::to_string(i)).empty());
        house.quotas.keys.erase("ops");
        house.engine->on_key_deleted("ops");
        CHECK(house.refusal("web").empty());
    }
}

TEST_CASE("what waits keeps its param on disk, and is handed over with it, in order", "[quotas]")
{
    QuotaHouse house;
    std::vector<std::string> params;
    for (auto const c : {'a', 'b', 'c'}) {
        auto order = house.order_by("ops");
        order.ins.param = std::string(1'000, c);
        params.push_back(order.ins.param);
        house.send(order);
    }
    for (auto const id : house.engine->open_all()) CHECK(house.engine->open(id)->ins.param.empty());
    SECTION("at once") {}
    SECTION("after a restart") { house.start(); }
    house.come();
    REQUIRE(house.link->calls.size() == params.size());
    for (std::size_t i = 0; i < params.size(); ++i)
        CHECK(house.link->calls[i].fields.at("ins").at("param").as_string() == params[i]);
}

TEST_CASE("an instruction says whose workers it uses, and how many", "[quotas]")
{
    QuotaHouse house;
    house.quotas.keys["web"].workers = 3;
    house.come();
    for (auto const* const key : {"ops", "web", "root", ""}) house.send(house.order_by(key));
    auto const& calls = house.link->calls;
    REQUIRE(calls.size() == 4);
    CHECK(calls[0].fields.at("account") == "ops");
    CHECK_FALSE(calls[0].fields.contains("workers"));
    CHECK(calls[1].fields.at("workers") == "3");
    CHECK(calls[2].fields.at("account") == "root");
    CHECK(calls[2].fields.at("workers") == "0");
    CHECK_FALSE(calls[3].fields.contains("account"));
}

TEST_CASE("all tasks of a key are canceled, and no others", "[quotas]")
{
    QuotaHouse house;
    for (int i = 0; i < 150; ++i) house.send(house.order_by("ops", "10.0.0." + std::to_string(i)));
    house.send(house.order_by("web"));
    CHECK(house.run(house.engine->end_all("ops")) == 150);
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'canceled' AND asked_by = 'ops'") == 150);
    CHECK(house.engine->open_all().size() == 1);
    CHECK(house.run(house.engine->end_all("ops")) == 0);
    SECTION("what the disk refuses is told")
    {
        house.store.fail_next();
        CHECK(house.begin(house.engine->end_all("web")).refusal().starts_with("[507.1]"));
    }
}
