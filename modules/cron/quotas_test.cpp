// One key's cron jobs must not keep the others from theirs, nor hold the loop or fill the disk.
#include "catch.hpp"
#include "support/cron_house.hpp"
#include "support/fake_peer.hpp"
#include "support/some_key.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct QuotaHouse : CronHouse {
    QuotaHouse()
    {
        quotas.keys["ops"] = FakeQuotas::unlimited();
        quotas.keys["web"] = FakeQuotas::unlimited();
    }
    static Caller caller(std::string id)
    {
        auto key = std::make_shared<Key>(*some_key(Role::operator_));
        key->key = std::move(id);
        return {nullptr, std::move(key)};
    }
    std::string error_of(std::string key, json::object const& job)
    {
        try {
            call("setcronbyip", job, caller(std::move(key)));
            return "";
        } catch (Error const& error) {
            return error.info();
        }
    }
    std::string error_of(std::string key, std::string_view agent = "10.0.0.1")
    {
        return error_of(std::move(key), job("0 0 0 1 1 ?", {{"agentip", agent}}));
    }
};

} // namespace

TEST_CASE("a key's cron jobs are bounded, and the refusal names key and quota", "[quotas]")
{
    QuotaHouse house;
    house.quotas.keys["ops"].cron_jobs = 2;
    house.start();
    for (auto const* const agent : {"10.0.0.1", "10.0.0.2"}) CHECK(house.error_of("ops", agent).empty());
    CHECK(house.error_of("ops").starts_with(
        "[429.1] key name of ops has 2 cron jobs; its quota cron_jobs is 2"));
    CHECK(house.error_of("web").empty());
    SECTION("a restart keeps the count")
    {
        house.start();
        CHECK(house.error_of("ops").starts_with("[429.1]"));
    }
    SECTION("a deleted job gives its place back")
    {
        auto const first = *house.jobs->of_key("ops").begin();
        auto const id = first.text();
        auto const agent = house.jobs->find(first)->agent.text();
        house.call("delcronbyipid", {{"agentip", agent}, {"id", id}});
        CHECK(house.jobs->of_key("ops").size() <= 2);
    }
    SECTION("whoever replaces a job is charged for it")
    {
        auto const& job = *house.jobs->find(*house.jobs->of_key("web").begin());
        auto const changed = CronHouse::job("0 0 0 1 1 ?", {{"id", job.id.text()}});
        CHECK(house.error_of("ops", changed).starts_with("[429.1]"));
        CHECK(house.error_of("", changed).empty());
        CHECK(house.jobs->of_key("web").empty());
        CHECK(house.jobs->of_key("").size() == 1);
    }
}

TEST_CASE("one key has at most half of an agent's jobs, and others but admins nine tenths", "[quotas]")
{
    QuotaHouse house;
    house.start("UTC", {1'000, 10});
    for (int i = 0; i < 5; ++i) CHECK(house.error_of("ops").empty());
    CHECK(house.error_of("ops").find("cron jobs of agent 10.0.0.1; one key may have 5 there") !=
          std::string::npos);
    for (int i = 0; i < 4; ++i) CHECK(house.error_of("web").empty());
    CHECK(house.error_of("web").starts_with("[429.1] agent 10.0.0.1 has 9 cron jobs"));
    house.set("0 0 0 1 1 ?");
}

TEST_CASE("the jobs of a deleted key are listed as such, and paused all together", "[quotas]")
{
    QuotaHouse house;
    house.start();
    for (int i = 0; i < 3; ++i) house.error_of("ops", CronHouse::job("0/10 * * * * ?"));
    house.error_of("web", CronHouse::job("0/10 * * * * ?"));
    house.quotas.keys.erase("ops");
    house.jobs->on_key_deleted("ops");
    auto const list = house.call("getcronlistbykey", {{"by", "ops"}, {"limit", 2}});
    CHECK(list.at("cron_list").as_array().size() == 2);
    CHECK(list.at("cron_list").at(0).at("by_deleted") == "true");
    auto const rest = house.call("getcronlistbykey", {{"by", "ops"}, {"after", list.at("next")}});
    CHECK(rest.at("cron_list").as_array().size() == 1);
    CHECK_FALSE(rest.contains("next"));
    CHECK(house.call("getcronlistbykey", {{"by", "web"}}).at("cron_list").at(0).at("by_deleted") == "false");
    std::optional<std::size_t> paused;
    asio::co_spawn(house.loop, house.cron->end_all("ops"),
        [&](std::exception_ptr, std::size_t count) { paused = count; });
    house.settle();
    CHECK(paused == 3);
    house.pass(10s);
    CHECK(house.engine.tasks().size() == 1);
    house.start();
    house.pass(10s);
    CHECK(house.engine.tasks().size() <= 3); // Those of "web" alone: the last run still goes on.
    for (auto const& task : house.engine.tasks()) CHECK(task.by == "web");
}

TEST_CASE("a list by key is cut to what its caller may see", "[quotas]")
{
    QuotaHouse house;
    house.start();
    for (auto const* const agent : {"10.0.0.1", "10.0.1.1"}) house.error_of("ops", agent);
    Caller const caller{nullptr, some_key(Role::viewer, {"10.0.1.0/24"})};
    auto const list = house.call("getcronlistbykey", {{"by", "ops"}}, caller).at("cron_list");
    REQUIRE(list.as_array().size() == 1);
    CHECK(list.at(0).at("agent_ip") == "10.0.1.1");
    CHECK(house.refusal("getcronlistbykey", {{"by", "ops"}, {"limit", 0}}) == "403.10");
}

TEST_CASE("missed times of many jobs are counted exactly, without going from one to the next", "[quotas]")
{
    QuotaHouse house;
    house.start();
    constexpr std::size_t jobs = 200;
    for (std::size_t i = 0; i < jobs; ++i) house.set("* * * * * ?");
    house.stop();
    house.clock.advance(48h);
    house.start();
    REQUIRE(house.engine.tasks().size() == jobs);
    for (auto const& task : house.engine.tasks()) {
        CHECK(task.sync_error == "skipped: 172800 times from 2026-01-01 00:00:01 to "
                                 "2026-01-03 00:00:00 passed while the server was down");
    }
    house.pass(1s);
    CHECK(house.engine.tasks().size() == 2 * jobs);
}

TEST_CASE("a firing beyond its key's quota is skipped for that reason, and not held up", "[quotas]")
{
    QuotaHouse house;
    house.start();
    house.set("0/10 * * * * ?");
    house.engine.exceed_quota("key ops has 2 tasks waiting; its quota waiting_tasks is 2");
    house.pass(20s);
    CHECK(house.history() == std::vector<std::string>{"00:00:10 skipped", "00:00:20 skipped"});
    CHECK(house.engine.tasks().back().sync_error ==
          "skipped: [429.1] key ops has 2 tasks waiting; its quota waiting_tasks is 2");
    house.stop();
}

TEST_CASE("an agent is told on whose account it runs its own jobs", "[quotas]")
{
    QuotaHouse house;
    house.quotas.keys["ops"].workers = 2;
    auto const peer = std::make_shared<ListeningPeer>();
    house.start();
    house.presence.come(Ip::parse("10.0.0.1").value(), peer);
    house.error_of("ops", CronHouse::job("0 0 0 1 1 ?", {{"cron_type", "self"}}));
    house.settle();
    REQUIRE_FALSE(peer->calls.empty());
    auto const& entry = peer->calls.back().second.at("cron_list").at(0);
    CHECK(entry.at("account") == "ops");
    CHECK(entry.at("workers") == "2");
}
