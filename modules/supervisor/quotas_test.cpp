#include "supervisor/key_quotas.hpp"

#include "catch.hpp"
#include "support/office.hpp"
#include "support/some_key.hpp"

using namespace elves;

namespace {

/// A module's resources, as numbers.
struct Resources final : KeyResources {
    void add_usage(std::string_view key, KeyUsage& usage) const override
    {
        auto const found = tasks.find(std::string(key));
        if (found != tasks.end()) usage.waiting_tasks += found->second;
    }
    void add_holders(std::set<std::string>& keys) const override
    {
        for (auto const& [key, count] : tasks) keys.insert(key);
    }
    void on_key_deleted(std::string_view key) override { deleted.emplace_back(key); }
    [[nodiscard]] asio::awaitable<std::size_t> end_all(std::string key) override
    {
        if (fails) throw Error(codes::store_cannot_write, "the test's disk is full");
        tasks.erase(key);
        co_return 1;
    }

    std::map<std::string, std::int64_t> tasks;
    std::vector<std::string> deleted;
    bool fails = false;
};

struct QuotaOffice : Office {
    QuotaOffice() { quotas().add(resources); }
    Quotas& quotas() { return *host.find<Quotas>(); }
    void configure(std::string const& text)
    {
        auto const settings = Settings::parse("[supervisor]\n" + text, "elves.conf");
        module->configure(settings.section("supervisor"));
    }
    Resources resources;
};

} // namespace

TEST_CASE("a quota is the default until it is set, changes member by member, and can be reset", "[quotas]")
{
    QuotaOffice office;
    office.configure("waiting_tasks = 10\nbytes_per_day = 5000");
    auto const key = office.make({{"name", "web-ops"}, {"role", "operator"}}).key;
    CHECK(office.quota(key, "waiting_tasks").empty());
    CHECK(office.quotas().limits_of(key).waiting_tasks == 10);
    CHECK(office.quotas().limits_of(key).bytes_per_day == 5000);
    CHECK(office.quotas().limits_of(key).cron_jobs == 250'000);
    CHECK_FALSE(office.quotas().limits_of(key).workers);
    office.call("setkey", {{"key", key}, {"quota", {{"waiting_tasks", 3}, {"workers", "2"}}}});
    office.call("setkey", {{"key", key}, {"quota", {{"cron_jobs", 0}}}});
    CHECK(office.quota(key, "waiting_tasks") == "3");
    CHECK(office.quota(key, "cron_jobs") == "0");
    CHECK(office.quotas().limits_of(key).workers == 2);
    CHECK(office.quotas().name_of(key) == "web-ops");
    SECTION("a restart keeps it")
    {
        KeyRing keys(office.store, Zone());
        keys.load(office.clock.now());
        auto const& quota = keys.find(key)->key->quota;
        CHECK(quota.waiting_tasks == 3);
        CHECK(quota.workers == 2);
        CHECK(quota.cron_jobs == 0);
        CHECK_FALSE(quota.bytes_per_day);
    }
    SECTION("an empty member resets it, on disk, too")
    {
        office.call("setkey", {{"key", key}, {"quota", {{"waiting_tasks", ""}}}});
        CHECK(office.quota(key, "waiting_tasks").empty());
        CHECK(office.quotas().limits_of(key).waiting_tasks == 10);
        KeyRing keys(office.store, Zone());
        keys.load(office.clock.now());
        CHECK_FALSE(keys.find(key)->key->quota.waiting_tasks);
        CHECK(keys.find(key)->key->quota.workers == 2);
    }
}

TEST_CASE("a quota that is no number, or out of range, is refused by its name", "[quotas]")
{
    QuotaOffice office;
    auto const key = office.make().key;
    auto const refusal = [&](json::value value) {
        return office.refusal("setkey", {{"key", key}, {"quota", std::move(value)}});
    };
    CHECK(refusal({{"waiting_tasks", -1}}).starts_with("[403.10] `quota.waiting_tasks` is -1"));
    CHECK(refusal({{"workers", 0}}).starts_with("[403.10] `quota.workers` is 0"));
    CHECK(refusal({{"bytes_per_day", "much"}}).find("quota.bytes_per_day") != std::string::npos);
    CHECK(refusal("all").starts_with("[403.10] `quota`"));
    CHECK(office.refusal("setkey", {{"key", key}, {"rotate", true}, {"quota", {{"workers", 1}}}})
              .starts_with("[403.10]"));
    CHECK(office.quota(key, "workers").empty());
}

TEST_CASE("admins, and the caller without a key, have no default quota", "[quotas]")
{
    QuotaOffice office;
    office.configure("waiting_tasks = 10\nworkers = 1");
    auto const admin = office.make({{"role", "admin"}}).key;
    for (auto const& key : {admin, std::string()}) {
        auto const limits = office.quotas().limits_of(key);
        CHECK(limits.is_admin);
        CHECK(limits.waiting_tasks > 1'000'000'000);
        CHECK_FALSE(limits.workers);
    }
    office.call("setkey", {{"key", admin}, {"quota", {{"waiting_tasks", 7}}}});
    CHECK(office.quotas().limits_of(admin).waiting_tasks == 7);
    CHECK_FALSE(office.quotas().limits_of("0000000000000000").is_known);
    CHECK(office.quotas().limits_of("0000000000000000").waiting_tasks == 10);
    CHECK(office.quotas().limits_of("certificate:web-5").is_known);
    CHECK_FALSE(office.quotas().limits_of("certificate:web-5").is_admin);
}

TEST_CASE("listkeys shows what each key holds, and deleted keys for which something is held", "[quotas]")
{
    QuotaOffice office;
    auto const key = office.make().key;
    office.resources.tasks = {{key, 12}, {"00000000000000AA", 3}, {"", 5}};
    auto const reply = office.call("listkeys");
    CHECK(reply.at("keys").at(0).at("usage").at("waiting_tasks") == "12");
    REQUIRE(reply.at("deleted").as_array().size() == 1);
    CHECK(reply.at("deleted").at(0).at("key") == "00000000000000AA");
    CHECK(reply.at("deleted").at(0).at("usage").at("waiting_tasks") == "3");
    auto const largest = office.quotas().largest();
    CHECK(largest.waiting_tasks.key == key);
    CHECK(largest.waiting_tasks.held == 12);
    CHECK(largest.cron_jobs.held == 0);
}

TEST_CASE("delkey tells what of the key goes on, and with `cancel` ends it", "[quotas]")
{
    QuotaOffice office;
    auto const key = office.make().key;
    office.resources.tasks = {{key, 12}};
    SECTION("without `cancel` it goes on, and a second call may end it")
    {
        CHECK(office.call("delkey", {{"key", key}}).at("waiting") == "12");
        CHECK(office.resources.deleted == std::vector{key});
        CHECK(office.resources.tasks.contains(key));
        CHECK(office.refusal("delkey", {{"key", key}}).starts_with("[413.1]"));
        CHECK(office.call("delkey", {{"key", key}, {"cancel", true}}).at("waiting") == "12");
        CHECK(office.resources.tasks.empty());
        CHECK(office.refusal("delkey", {{"key", key}, {"cancel", true}}).starts_with("[413.1]"));
    }
    SECTION("with `cancel` it ends")
    {
        auto const reply = office.call("delkey", {{"key", key}, {"cancel", "true"}});
        CHECK(reply.at("waiting") == "12");
        CHECK(reply.at("cron_jobs") == "0");
        CHECK(office.resources.tasks.empty());
    }
    SECTION("what the disk does not take is told, and may be tried again")
    {
        office.resources.fails = true;
        CHECK(office.refusal("delkey", {{"key", key}, {"cancel", true}}).starts_with("[507.1]"));
        office.resources.fails = false;
        office.call("delkey", {{"key", key}, {"cancel", true}});
        CHECK(office.resources.tasks.empty());
    }
}

TEST_CASE("defaults that are no numbers are refused by their setting, and change nothing", "[quotas]")
{
    QuotaOffice office;
    office.configure("waiting_tasks = 10");
    CHECK_THROWS_AS(office.configure("waiting_tasks = 5\nworkers = 0"), SettingsError);
    CHECK(office.quotas().limits_of("0000000000000000").waiting_tasks == 10);
}
