#include "cron/cron.hpp"

#include "catch.hpp"
#include "support/cron_house.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Caller of_key(std::vector<std::string> apps)
{
    auto key = std::make_shared<Key>();
    key->key = "K";
    key->role = Role::operator_;
    key->apps = std::move(apps);
    key->ips = {*IpRange::parse("*")};
    Caller caller;
    caller.key = std::move(key);
    return caller;
}

/// An operator's key for every app, that may name files, or may not.
std::shared_ptr<Key const> key_with_files(bool files)
{
    auto key = *of_key({"*"}).key;
    key.files = files;
    return std::make_shared<Key const>(std::move(key));
}

/// A job that names a file, of key `K`.
std::string set_with_file(CronHouse& house, json::object more = {})
{
    Caller caller;
    caller.key = key_with_files(true);
    more["ins"] = json::object{{"app", "app"}, {"func", "func"}, {"proxy", "sh|tools/wipe.sh"}};
    auto const reply = house.call("setcronbyip", CronHouse::job("0/10 * * * * ?", std::move(more)), caller);
    return std::string(reply.at("id").as_string());
}

/// A job whose `param` has that size; its other texts have 18 bytes.
json::object job_of_size(std::string_view agent, std::size_t size)
{
    return CronHouse::job("0 * * * * ?",
        {{"agentip", agent}, {"ins", {{"app", "app"}, {"func", "func"}, {"param", std::string(size, 'x')}}}});
}

std::size_t listed(CronHouse& house, Caller const& caller = {})
{
    return house.call("getcronlistbyip", {{"agentip", "10.0.0.1"}}, caller).at("cron_list").as_array().size();
}

} // namespace

TEST_CASE("a job is listed with all that is known of it", "[cron]")
{
    CronHouse house;
    house.start("Europe/Berlin");
    auto const id = house.set("0 30 12 * * ?",
        {{"ins", {{"app", "app"}, {"func", "func"}, {"param", "p"}}}, {"jitter", "60"}, {"misfire", "once"}});
    auto const entry = house.entry();
    CHECK(entry.at("cron_id") == json::value(id));
    CHECK(entry.at("agent_ip") == "10.0.0.1");
    CHECK(entry.at("cron_type") == "center");
    CHECK(entry.at("ins").at("param") == "p");
    CHECK(entry.at("param") == "p");
    CHECK(entry.at("rule") == "0 30 12 * * ?");
    CHECK(entry.at("create_time") == "2026-01-01 01:00:00");
    CHECK(entry.at("cron_flag") == "1");
    CHECK(entry.at("next_time") == "2026-01-01 12:30:00");
    CHECK(entry.at("last_exec_time") == "");
    CHECK(entry.at("last_exec_result") == "");
    CHECK(entry.at("timezone") == "Europe/Berlin");
    CHECK(entry.at("misfire") == "once");
    CHECK(entry.at("overlap") == "skip");
    CHECK(entry.at("jitter") == "60");
}

TEST_CASE("the list says when a job last ran and what came of it", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0/10 * * * * ?");
    house.pass(10s);
    house.finish_last();
    CHECK(house.entry().at("last_exec_time") == "2026-01-01 00:00:10");
    CHECK(house.entry().at("last_exec_result") == "done");
}

TEST_CASE("a job outlives the server as it was set", "[cron]")
{
    CronHouse house;
    house.start();
    house.set("0 30 12 * * ?", {{"cron_type", "self"}, {"timezone", "Asia/Tokyo"}, {"misfire", "once"},
                                   {"overlap", "replace"}, {"jitter", 7}});
    auto const before = house.entry();
    house.start();
    CHECK(house.entry() == before);
}

TEST_CASE("what a job can't be is refused by its code", "[cron]")
{
    CronHouse house;
    house.start();
    auto const refused = [&](json::object more) {
        return house.refusal("setcronbyip", CronHouse::job("0 * * * * ?", std::move(more)));
    };
    CHECK(refused({{"cron_type", "both"}}) == "403.10");
    CHECK(refused({{"misfire", "twice"}}) == "403.10");
    CHECK(refused({{"overlap", 1}}) == "403.10");
    CHECK(refused({{"jitter", 86'401}}) == "403.10");
    CHECK(refused({{"jitter", -1}}) == "403.10");
    CHECK(refused({{"timezone", "Mars/Olympus"}}) == "403.10");
    CHECK(refused({{"rule", "0 * * * *"}}) == "403.5");
    CHECK(refused({{"rule", ""}}) == "403.5");
    CHECK(refused({{"ins", {{"app", "app"}, {"func", "func"}, {"mode", "P"}}}}) == "413.2");
    CHECK(refused({{"ins", {{"app", "app"}, {"func", "func"}, {"dedup", "d"}}}}) == "403.10");
    CHECK(refused({{"id", "0123456789ABCDEF"}}) == "411.1");
    CHECK(listed(house) == 0);
    CHECK(refused({{"overlap", ""}, {"jitter", ""}, {"id", ""}}) == "");
}

TEST_CASE("what is wrong with a choice is said with what would be right", "[cron]")
{
    CronHouse house;
    house.start();
    try {
        house.set("0 * * * * ?", {{"overlap", "often"}});
        FAIL("it was not refused");
    } catch (Error const& error) {
        CHECK(std::string(error.what()).find("`overlap`") != std::string::npos);
        CHECK(std::string(error.what()).find("skip, allow or replace") != std::string::npos);
    }
}

TEST_CASE("replacing keeps id, age and whether it is paused", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?", {{"misfire", "once"}});
    house.call("stopcron", {{"agentip", "10.0.0.1"}, {"id", id}});
    house.pass(100s);
    CHECK(house.set("0 0 * * * ?", {{"id", id}}) == id);
    auto const entry = house.entry();
    CHECK(entry.at("rule") == "0 0 * * * ?");
    CHECK(entry.at("misfire") == "skip");
    CHECK(entry.at("cron_flag") == "0");
    CHECK(entry.at("next_time") == "");
    CHECK(entry.at("create_time") == "2026-01-01 00:00:00");
    CHECK(listed(house) == 1);
}

TEST_CASE("a job is found under its own agent only", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?");
    json::object const other{{"agentip", "10.0.0.2"}, {"id", id}};
    CHECK(house.refusal("delcronbyipid", other) == "411.1");
    CHECK(house.refusal("startcron", other) == "411.1");
    CHECK(house.refusal("stopcron", other) == "411.1");
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?", other)) == "411.1");
    json::object const own{{"agentip", "10.0.0.1"}, {"id", id}};
    CHECK(house.refusal("delcronbyipid", own) == "");
    CHECK(house.refusal("delcronbyipid", own) == "411.1");
}

TEST_CASE("a key sees and touches the jobs of its apps only", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = house.set("0 * * * * ?");
    auto const stranger = of_key({"other"});
    json::object const one{{"agentip", "10.0.0.1"}, {"id", id}};
    CHECK(listed(house, stranger) == 0);
    CHECK(listed(house, of_key({"app"})) == 1);
    CHECK(house.refusal("delcronbyipid", one, stranger) == "401.6");
    CHECK(house.refusal("stopcron", one, stranger) == "401.6");
    auto const theirs =
        CronHouse::job("0 * * * * ?", {{"id", id}, {"ins", {{"app", "other"}, {"func", "func"}}}});
    CHECK(house.refusal("setcronbyip", theirs, stranger) == "401.6");
}

TEST_CASE("a firing is asked for by the key that set its job", "[cron]")
{
    CronHouse house;
    house.start();
    house.call("setcronbyip", CronHouse::job("0/10 * * * * ?"), of_key({"*"}));
    house.pass(10s);
    REQUIRE(house.engine.tasks().size() == 1);
    CHECK(house.engine.tasks().front().by == "K");
}

TEST_CASE("the list says which key set a job, also when the server comes back", "[cron]")
{
    CronHouse house;
    house.start();
    auto job = CronHouse::job("0 * * * * ?");
    job["id"] = house.call("setcronbyip", job, of_key({"*"})).at("id");
    CHECK(house.entry().at("by") == "K");
    house.start();
    CHECK(house.entry().at("by") == "K");
    house.call("setcronbyip", job);
    CHECK(house.entry().at("by") == "");
}

TEST_CASE("what the disk refuses changes nothing", "[cron]")
{
    CronHouse house;
    house.start();
    house.store.fail_next();
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?")) == "507.1");
    CHECK(listed(house) == 0);
    auto const id = house.set("0 * * * * ?");
    json::object const one{{"agentip", "10.0.0.1"}, {"id", id}};
    house.store.fail_next();
    CHECK(house.refusal("stopcron", one) == "507.1");
    CHECK(house.entry().at("cron_flag") == "1");
    house.store.fail_next();
    CHECK(house.refusal("delcronbyipid", one) == "507.1");
    CHECK(listed(house) == 1);
}

TEST_CASE("there are bounds for one agent and for all", "[cron]")
{
    CronHouse house;
    house.start("UTC", {3, 2});
    auto const id = house.set("0 * * * * ?");
    house.set("0 * * * * ?");
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?")) == "429.1");
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?", {{"id", id}})) == "");
    house.set("0 * * * * ?", {{"agentip", "10.0.0.2"}});
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?", {{"agentip", "10.0.0.3"}})) == "429.1");
    house.call("delcronbyipid", {{"agentip", "10.0.0.1"}, {"id", id}});
    CHECK(house.refusal("setcronbyip", CronHouse::job("0 * * * * ?", {{"agentip", "10.0.0.3"}})) == "");
}

TEST_CASE("there are bounds for the texts of one agent's jobs and of all", "[cron]")
{
    CronHouse house;
    CronJobs::Bounds const bounds{100, 100, 2'500, 1'500};
    house.start("UTC", bounds);
    auto const set = [&](std::string_view agent, std::size_t size) {
        return house.refusal("setcronbyip", job_of_size(agent, size));
    };
    house.store.fail_next();
    CHECK(set("10.0.0.1", 1'000) == "507.1");
    CHECK(set("10.0.0.1", 1'000) == "");
    CHECK(set("10.0.0.1", 1'000) == "429.1");
    CHECK(set("10.0.0.1", 10) == "");
    CHECK(set("10.0.0.2", 1'000) == "");
    CHECK(set("10.0.0.3", 1'000) == "429.1");
    house.start("UTC", bounds);
    CHECK(set("10.0.0.1", 1'000) == "429.1");
    CHECK(set("10.0.0.3", 1'000) == "429.1");
    json::object const one{{"agentip", "10.0.0.2"},
        {"id", house.call("getcronlistbyip", {{"agentip", "10.0.0.2"}}).at("cron_list").at(0).at("cron_id")}};
    house.call("delcronbyipid", one);
    CHECK(set("10.0.0.3", 1'000) == "");
}

TEST_CASE("a job that is replaced counts with its new texts, and may always become shorter", "[cron]")
{
    CronHouse house;
    house.start("UTC", {100, 100, 2'500, 1'500});
    auto const id = house.call("setcronbyip", job_of_size("10.0.0.1", 1'000)).at("id").as_string();
    auto const replace = [&](std::size_t size) {
        auto job = job_of_size("10.0.0.1", size);
        job["id"] = id;
        return house.refusal("setcronbyip", job);
    };
    CHECK(replace(1'600) == "429.1");
    house.store.fail_next();
    CHECK(replace(1'400) == "507.1");
    CHECK(replace(1'400) == "");
    CHECK(house.refusal("setcronbyip", job_of_size("10.0.0.1", 100)) == "429.1");
    CHECK(replace(1'000) == "");
    CHECK(house.refusal("setcronbyip", job_of_size("10.0.0.1", 100)) == "");
    house.start("UTC", {100, 100, 50, 50});
    CHECK(listed(house) == 2);
    CHECK(replace(1'001) == "429.1");
    CHECK(replace(900) == "");
}

TEST_CASE("a list of jobs that is over what a frame should carry is refused before it is made", "[cron]")
{
    CronHouse house;
    house.start("UTC", {100, 100, 100UL << 20U, 100UL << 20U}); // as an older server may have left them
    json::object const large{{"app", "app"}, {"func", "func"}, {"param", std::string(1024 * 1024, 'x')}};
    auto const set = [&](int count) {
        for (; count > 0; --count) house.set("0 30 12 * * ?", {{"ins", large}});
    };
    set(30);
    CHECK(listed(house) == 30);
    set(5);
    CHECK(house.refusal("getcronlistbyip", {{"agentip", "10.0.0.1"}}) == "429.1");
    // Those that a key may not see are not in its answer.
    CHECK(listed(house, of_key({"other"})) == 0);
}

TEST_CASE("settings give what a job does not say", "[cron]")
{
    CronHouse house;
    house.start();
    auto const settings = Settings::parse("[cron]\nmisfire = once\noverlap = replace\n", "test");
    house.cron->configure(settings.section("cron"));
    house.set("0 * * * * ?");
    CHECK(house.entry().at("misfire") == "once");
    CHECK(house.entry().at("overlap") == "replace");
}

TEST_CASE("getinfobyip's cronlist holds all of an agent's jobs, sorted", "[cron]")
{
    CronHouse house;
    house.start();
    std::vector<std::string> ids{house.set("0 * * * * ?"), house.set("0 * * * * ?", {{"cron_type", "self"}}),
        house.set("0 * * * * ?")};
    std::sort(ids.begin(), ids.end());
    std::vector<std::string> shown;
    for (auto const id : house.presence.crons(*Ip::parse("10.0.0.1"))) shown.push_back(id.text());
    CHECK(shown == ids);
    CHECK(house.presence.crons(*Ip::parse("10.0.0.2")).empty());
}

TEST_CASE("a job that names a file needs the right `files`: to set, to replace and to start it", "[cron]")
{
    CronHouse house;
    house.start();
    auto const id = set_with_file(house);
    Caller without;
    without.key = key_with_files(false);
    auto fields = CronHouse::job(
        "0 * * * * ?", {{"ins", {{"app", "app"}, {"func", "func"}, {"proxy", "sh|tools/wipe.sh"}}}});
    CHECK(house.refusal("setcronbyip", fields, without) == "401.6");
    fields["id"] = id;
    CHECK(house.refusal("setcronbyip", fields, without) == "401.6");
    json::object const one{{"agentip", "10.0.0.1"}, {"id", id}};
    CHECK(house.refusal("stopcron", one, without) == ""); // It may always be stopped,
    CHECK(house.refusal("startcron", one, without) == "401.6");
    CHECK(house.entry().at("cron_flag") == "0");
    CHECK(house.refusal("startcron", one) == "");
    CHECK(house.entry().at("ins").at("proxy") == "sh|tools/wipe.sh");
    CHECK(house.refusal("delcronbyipid", one, without) == ""); // and deleted.
}

TEST_CASE("a job whose key has lost the right `files` is skipped, and its record says why", "[cron]")
{
    CronHouse house;
    house.start();
    set_with_file(house);
    auto& keys = house.authority.keys;
    keys["K"] = key_with_files(true);
    house.pass(10s);
    REQUIRE(house.history() == std::vector<std::string>{"00:00:10 running"});
    house.finish_last();
    keys["K"] = key_with_files(false);
    house.pass(10s);
    REQUIRE(house.engine.tasks().size() == 2);
    CHECK(house.history().back() == "00:00:20 skipped");
    auto const& why = house.engine.tasks().back().sync_error;
    CHECK(why.starts_with(
        "skipped: [401.6] `ins.proxy` is \"sh|tools/wipe.sh\", and key K, which set this job, "
        "does not have the right `files`"));
    keys["K"] = key_with_files(true);
    house.pass(10s);
    CHECK(house.history().back() == "00:00:30 running");
    house.finish_last();
    keys.clear(); // What a deleted key has set goes on until it is stopped.
    house.pass(10s);
    CHECK(house.history().back() == "00:00:40 running");
}

TEST_CASE("an agent is not given the job whose key has lost the right `files`", "[cron]")
{
    CronHouse house;
    house.start();
    set_with_file(house, {{"cron_type", "self"}});
    house.authority.keys["K"] = key_with_files(false);
    auto const link = std::make_shared<ListeningPeer>();
    house.presence.come(*Ip::parse("10.0.0.1"), link);
    house.settle();
    CHECK(link->calls.back().second.at("cron_list").as_array().empty());
    house.authority.keys["K"] = key_with_files(true);
    house.presence.come(*Ip::parse("10.0.0.1"), link);
    house.settle();
    CHECK(link->calls.back().second.at("cron_list").as_array().size() == 1);
}
