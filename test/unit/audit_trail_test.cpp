#include "audit/audit_trail.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "audit/audit_verify.hpp"
#include "catch.hpp"
#include "elves/secret.hpp"
#include "manual_clock.hpp"
#include "rpc/router.hpp"
#include "support/audit_file.hpp"
#include "support/fake_peer.hpp"
#include "support/inline_store.hpp"
#include "support/json_of.hpp"
#include "support/some_key.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

constexpr auto id = "0123456789ABCDEF";
constexpr auto token = "elv_9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0";

/// One key of a role that the test sets; its token is `token`.
class OneKey final : public Authority {
public:
    std::shared_ptr<Key const> key = some_key(Role::operator_, {"10.0.0.0/8"});
    std::shared_ptr<Key const> prove(std::string_view name, std::string_view shown, Ip const&) override
    {
        if (name != id || shown != token) throw Error(codes::wrong_key, "wrong key or token");
        return key;
    }
    std::shared_ptr<Key const> still(BoundKey const&, Ip const&) override { return key; }
    asio::awaitable<void> wrong_try(std::shared_ptr<Peer>, std::string) override { co_return; }
    [[nodiscard]] bool has_had_admin_key() const noexcept override { return false; }
    [[nodiscard]] AdminKeys admin_keys() const override { return {}; }
};

struct Change {
    std::optional<Ip> agentip;
    std::optional<Instruction> ins;
    std::string name;
};

struct ById {
    TaskId id;
};

struct Words {
    std::string id, key, appname, agentip;
};

/// A router with an audit trail, and methods that change one table, or don't.
struct House {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    OneKey keys;
    std::string thing_at = "10.0.0.1";
    Gate gate;
    AuditTrail trail{store, clock};
    MethodTable table;
    Router router{gate, &trail};

    House()
    {
        gate.authority = &keys;
        audit::migrate(store);
        store.db().script("CREATE TABLE thing (name TEXT NOT NULL UNIQUE)");
        auto const fields = [] {
            return std::vector<Field<Change>>{optional("agentip", &Change::agentip),
                optional("ins", &Change::ins), optional("name", &Change::name)};
        };
        table.call<Change>("change", Right::operate, fields(), "",
            [this](Change in, Caller const& caller) { return change(std::move(in), caller); });
        table.call<Nothing>("idle", Right::operate, {}, "", [](Nothing, Caller const&) { return Reply(); });
        table.call<Nothing>("fail", Right::operate, {}, "", [](Nothing, Caller const&) -> Reply {
            throw Error(codes::no_app, "no app " + std::string(token));
        });
        table.call<Nothing>("look", Right::read, {}, "", [](Nothing, Caller const&) { return Reply(); });
        table.call<Nothing>("peek", Right::operate, {}, "", [](Nothing, Caller const&) { return Reply(); })
            .only_reads();
        table.call<Nothing>("rule", Right::manage, {}, "", [](Nothing, Caller const&) { return Reply(); });
        auto const words = [] {
            return std::vector<Field<Words>>{optional("id", &Words::id), optional("key", &Words::key),
                optional("appname", &Words::appname), optional("agentip", &Words::agentip)};
        };
        table.call<Words>(
            "say", Right::operate, words(), "", [](Words const&, Caller const&) { return Reply(); });
        table.call<Words>("login", Right::open, words(), "", [](Words, Caller) -> asio::awaitable<Reply> {
            co_await asio::post(asio::use_awaitable);
            throw Error(codes::wrong_key, "wrong");
        });
        auto const by_id = [] { return std::vector<Field<ById>>{required("id", &ById::id)}; };
        table.call<ById>("touch", Right::operate, by_id(), "",
            [this](ById, Caller const& caller) { return touch(caller, true); });
        table.call<ById>("show", Right::read, by_id(), "",
            [this](ById, Caller const& caller) { return touch(caller, false); });
        router.add("thing", table);
    }
    /// Of a record of demo.work on `thing_at`.
    asio::awaitable<Reply> touch(Caller caller, bool changes)
    {
        co_await asio::post(asio::use_awaitable);
        Instruction ins;
        ins.app = "demo";
        ins.func = "work";
        caller.require_record("thing", Ip::parse(thing_at).value(), ins);
        if (!changes) co_return Reply();
        Store::Work work = together([](Db&) {}, caller.also());
        co_await store.write(std::move(work));
        co_return Reply();
    }
    asio::awaitable<Reply> change(Change in, Caller caller)
    {
        Store::Work work = [name = in.name](Db& db) {
            db.run("INSERT INTO thing VALUES (?1)").bind(1, std::string_view(name)).execute();
        };
        work = together(std::move(work), caller.also("FEDCBA9876543210"));
        co_await store.write(std::move(work));
        co_return Reply();
    }
    /// The answer's error_info; asked with the key, unless `auth` is given.
    std::string call(std::string const& method, json::object fields = {}, std::string const& ip = "127.0.0.1")
    {
        auto const peer = std::make_shared<FakePeer>(loop.get_executor(), clock, ip);
        fields.insert({{"mqt", "call"}, {"mqs", "thing"}, {"mqf", method}});
        if (!fields.contains("auth")) fields["auth"] = json::object{{"key", id}, {"token", token}};
        auto answer = [&] {
            auto const frame =
                json_of(fields); // which is gone before the answer is there, as a frame's memory is
            return router.run(Envelope::of(frame.root()), frame.root(), peer);
        }();
        std::string error = "no answer";
        asio::co_spawn(loop, outcome_of(std::move(answer)),
            [&](std::exception_ptr const&, Outcome const& later) { error = later.error_info; });
        settle();
        return error;
    }
    void settle()
    {
        loop.restart();
        loop.poll();
    }
    void pass(std::chrono::seconds time)
    {
        clock.advance(time);
        settle();
    }
    std::vector<AuditRecord> rows() { return all_records(store.db()); }
    AuditRecord row()
    {
        auto const all = rows();
        REQUIRE(all.size() == 1);
        return all.front();
    }
    std::int64_t things()
    {
        auto count = store.db().run("SELECT count(*) FROM thing");
        return count.next() ? count.number(0) : -1;
    }
    void settings(AuditSettings::Param param)
    {
        AuditSettings all;
        all.param = param;
        trail.configure(all);
    }
};

json::object instruction(std::string const& param)
{
    return {{"agentip", "10.0.0.1"}, {"ins", {{"app", "demo"}, {"func", "work"}, {"param", param}}}};
}

} // namespace

TEST_CASE("who, where, what, when and what came of it", "[audit]")
{
    House house;
    CHECK(house.call("change", instruction("x"), "192.0.2.7").empty());
    auto const row = house.row();
    CHECK(row.seq == 1);
    CHECK(row.time == house.clock.now().time_since_epoch().count());
    CHECK(row.key == id);
    CHECK(row.address == "192.0.2.7:50000");
    CHECK(row.method == "thing.change");
    CHECK(row.agent == "10.0.0.1");
    CHECK(row.app == "demo");
    CHECK(row.func == "work");
    CHECK(row.target == "FEDCBA9876543210");
    CHECK(row.param == "sha256:" + sha256_hex("0:,4:demo,4:work,1:x,"));
    CHECK(row.proxy.empty());
    CHECK((row.allowed && row.changed));
    CHECK(row.result == "ok");
    CHECK_FALSE(audit::verify(house.store.db(), std::nullopt, 100).found);
}

TEST_CASE("of a call that names only an id the row tells what that stands for", "[audit]")
{
    House house;
    CHECK(house.call("touch", {{"id", id}}).empty());
    CHECK(house.call("show", {{"id", id}}).empty()); // It only reads: no row.
    house.thing_at = "192.0.2.1";
    CHECK(house.call("touch", {{"id", id}}).starts_with("[401.6]"));
    CHECK(house.call("show", {{"id", id}}).starts_with("[401.6]"));
    auto const rows = house.rows();
    REQUIRE(rows.size() == 3);
    CHECK((rows[0].changed && rows[1].result == "401.6" && rows[2].method == "thing.show"));
    for (auto const& row : rows) {
        CHECK(row.agent == (row.allowed ? "10.0.0.1" : "192.0.2.1"));
        CHECK(row.app + "." + row.func == "demo.work");
        CHECK(row.target == id);
    }
}

TEST_CASE("what a call says in fields that its method doesn't have is not in the row", "[audit]")
{
    House house;
    json::object const made_up{{"agentip", "10.9.9.9"}, {"ins", {{"app", "other"}, {"func", "x"}}},
        {"appname", "other"}, {"key", "1111111111111111"}};
    auto touch = made_up;
    touch["id"] = id;
    CHECK(house.call("touch", touch).empty());
    CHECK(house.row().agent == "10.0.0.1");
    CHECK(house.row().app + "." + house.row().func == "demo.work");
    CHECK(house.call("idle", made_up).empty());
    CHECK((house.rows()[1].agent + house.rows()[1].app + house.rows()[1].func + house.rows()[1].target)
              .empty());
}

TEST_CASE("a change and its row are there both or neither", "[audit]")
{
    House house;
    house.store.fail_next();
    CHECK(house.call("change", {{"name", "one"}}).starts_with("[507.1]"));
    CHECK(house.things() == 0);
    CHECK(house.rows().empty());

    // The trail can't take its row: then nothing is changed either.
    house.store.db().script(
        "CREATE TRIGGER no BEFORE INSERT ON audit_pages BEGIN SELECT raise(ABORT, 'no'); END");
    CHECK(house.call("change", {{"name", "one"}}).starts_with("[500.1]"));
    CHECK(house.things() == 0);
    house.store.db().script("DROP TRIGGER no");

    CHECK(house.call("change", {{"name", "one"}}).empty());
    CHECK(house.things() == 1);
    CHECK(house.row().changed);

    // The change fails: its row says so, and that nothing was changed.
    CHECK(house.call("change", {{"name", "one"}}).starts_with("[500.1]"));
    REQUIRE(house.rows().size() == 2);
    CHECK(house.rows()[1].result == "500.1");
    CHECK_FALSE(house.rows()[1].changed);
    CHECK(house.things() == 1);
}

TEST_CASE("what changed nothing, or was refused, leaves its row too", "[audit]")
{
    House house;
    CHECK(house.call("idle").empty());
    CHECK(house.call("fail").starts_with("[413.2]"));
    CHECK(house.call("change", {{"agentip", "nowhere"}}).starts_with("[403.1]"));
    auto const rows = house.rows();
    REQUIRE(rows.size() == 3);
    for (auto const& row : rows) CHECK((row.allowed && !row.changed));
    CHECK(rows[0].result == "ok");
    CHECK(rows[1].result == "413.2");
    CHECK(rows[2].result == "403.1");
    CHECK(rows[2].agent.empty());
}

TEST_CASE("what only reads leaves a row where it is denied only", "[audit]")
{
    House house;
    CHECK(house.call("look").empty());
    CHECK(house.call("peek").empty());
    CHECK(house.rows().empty());
    house.keys.key = some_key(Role::agent);
    CHECK(house.call("look").starts_with("[401.6]"));
    CHECK(house.row().method == "thing.look");
    CHECK_FALSE(house.row().allowed);
    CHECK(house.row().result == "401.6");
    CHECK(house.row().key == id);
}

TEST_CASE("denied at the door, by a field, or later: each is told", "[audit]")
{
    House house;
    CHECK(house.call("rule").starts_with("[401.6]"));                               // by its role
    CHECK(house.call("change", {{"agentip", "192.0.2.1"}}).starts_with("[401.6]")); // not his
    CHECK(house.call("idle", {{"auth", {{"key", id}, {"token", "no"}}}}).starts_with("[401.5]"));
    CHECK(house.call("login", {{"key", "0000000000000001"}, {"auth", ""}}).starts_with("[401.5]"));
    house.gate.mode = AuthMode::keys;
    CHECK(house.call("idle", {{"auth", ""}}).starts_with("[401.1]"));
    auto const rows = house.rows();
    REQUIRE(rows.size() == 5);
    for (auto const& row : rows) CHECK((!row.allowed && !row.changed));
    CHECK(rows[0].method == "thing.rule");
    CHECK(rows[1].agent == "192.0.2.1");
    CHECK(rows[2].key.empty());
    CHECK(rows[2].target == id); // claimed, and not proven
    CHECK(rows[2].result == "401.5");
    CHECK(rows[3].target == "0000000000000001");
    CHECK(rows[3].key.empty());
    CHECK(rows[4].result == "401.1");
}

TEST_CASE("a row names as its key only what was proven, and a claimed key as what it was about", "[audit]")
{
    House house;
    auto const last = [&] { return house.rows().back(); };
    for (json::value const& shown : {json::value(""), json::value(5), json::value(nullptr)}) {
        CHECK(house.call("look", {{"auth", {{"key", id}, {"token", shown}}}}).starts_with("[401.1]"));
        CHECK(last().key.empty());
        CHECK(last().target == id);
    }
    house.keys.key = some_key(Role::agent);
    CHECK(house.call("look").starts_with("[401.6]"));
    CHECK(last().key == id);
    CHECK(last().target.empty());
}

TEST_CASE(
    "what a call finds out about a key and token of its own fields is in its row, up to a rate", "[audit]")
{
    House house;
    bool fits = true;
    house.table
        .call<Words>("prove", Right::open, {optional("key", &Words::key)}, "",
            [&](Words const& in, Caller const& caller) {
                fits ? caller.audit->prove(in.key) : caller.audit->claim(in.key);
                return Reply();
            })
        .audited_by_rate();
    json::object const asked{{"key", id}, {"auth", ""}};
    CHECK(house.call("prove", asked).empty());
    auto row = house.rows().back();
    CHECK((row.allowed && row.key == id && row.result == "ok" && row.param.empty()));
    fits = false;
    CHECK(house.call("prove", asked).empty());
    row = house.rows().back();
    CHECK(
        (!row.allowed && row.key.empty() && row.target == id && row.result == "401.5" && row.param.empty()));
    CHECK(house.call("prove", {{"key", 5}, {"auth", ""}}).starts_with("[403.10]")); // nothing was tried
    CHECK(house.rows().size() == 2);
    for (int i = 0; i < 500; ++i) {
        fits = i % 2 == 0;
        house.call("prove", asked);
    }
    CHECK(house.rows().size() == 200);
}

TEST_CASE("no token comes into the trail, wherever somebody wrote it", "[audit]")
{
    House house;
    for (auto const param :
        {AuditSettings::Param::digest, AuditSettings::Param::text, AuditSettings::Param::none}) {
        house.settings(param);
        house.call("change", {{"name", "x"}, {"token", token}});
        house.call("change", {{"name", token}});
        house.call("change", instruction(token));
        house.call("say", {{"key", token}, {"id", token}, {"appname", token}, {"agentip", token}});
        house.call("change", {{"ins", {{"app", token}, {"func", token}}}});
        house.call("change", {{"ins", {{"app", "demo"}, {"func", "work"}, {"proxy", token}}}});
        house.call("fail");
        house.call("idle", {{"auth", {{"key", token}, {"token", token}}}});
        house.call("login", {{"key", token}, {"token", token}, {"auth", ""}});
    }
    CHECK(house.rows().size() > 15);
    for (auto const& row : house.rows()) {
        for (auto const& text : {row.key, row.address, row.method, row.agent, row.app, row.func, row.target,
                 row.param, row.proxy, row.result}) {
            CHECK(text.find("elv_") == std::string::npos);
        }
    }
}

TEST_CASE("a row's digest is of everything that decides what runs, and the row names the file", "[audit]")
{
    House house;
    house.keys.key = [] {
        auto key = *some_key(Role::operator_, {"10.0.0.0/8"});
        key.files = true;
        return std::make_shared<Key const>(std::move(key));
    }();
    auto const whole = [](std::string_view field, json::value value) {
        json::object ins{{"mode", "NP"}, {"app", "demo"}, {"func", "work"}, {"param", "x"}, {"timeout", 5},
            {"proxy", "sh|a.sh"}, {"ttl", 7}, {"dedup", "d"}};
        ins[field] = std::move(value);
        return json::object{{"agentip", "10.0.0.1"}, {"name", std::string(field)}, {"ins", std::move(ins)}};
    };
    auto const call = [&](json::object fields) {
        fields.erase("name");
        house.call("change", std::move(fields));
        auto const rows = house.rows();
        return rows.back();
    };
    house.store.db().script("DROP TABLE thing; CREATE TABLE thing (name TEXT)");
    auto const before = call(whole("param", "x"));
    CHECK(before.proxy == "sh|a.sh");
    CHECK(call(whole("param", "x")).param == before.param);
    for (auto const& [field, value] :
        std::vector<std::pair<std::string, json::value>>{{"app", "demo2"}, {"func", "work2"}, {"param", "y"},
            {"timeout", 6}, {"proxy", "sh|b.sh"}, {"ttl", 8}, {"dedup", "e"}, {"proxy", ""}}) {
        auto const row = call(whole(field, value));
        INFO(field);
        CHECK(row.changed);
        CHECK(row.param.starts_with("sha256:"));
        CHECK(row.param != before.param);
    }
    CHECK(house.rows().back().proxy.empty());
    CHECK_FALSE(audit::verify(house.store.db(), std::nullopt, 100).found);
    tamper(
        house.store.db(), TrailForm::page_for_each, [](auto& records) { records.front().proxy = "sh|c.sh"; });
    CHECK(audit::verify(house.store.db(), std::nullopt, 100).found);
}

TEST_CASE("param is kept as its digest, its text or not at all", "[audit]")
{
    House house;
    house.settings(AuditSettings::Param::text);
    house.call("change", instruction(R"({"a":1})"));
    house.call("change", {{"name", "two"}});
    house.call("change", instruction(std::string(5'000, 'x')));
    house.settings(AuditSettings::Param::none);
    house.call("change", {{"name", "three"}});
    house.settings(AuditSettings::Param::digest);
    house.call("change", {{"name", "four"}, {"agentip", "10.0.0.1"}});
    house.call("idle");
    auto const rows = house.rows();
    REQUIRE(rows.size() == 6);
    CHECK(rows[0].param == R"({"app":"demo","func":"work","param":"{\"a\":1}"})");
    CHECK(rows[1].param == R"({"name":"two"})");
    CHECK(rows[2].param == "sha256:" + sha256_hex("0:,4:demo,4:work,5000:" + std::string(5'000, 'x') + ","));
    CHECK(rows[3].param.empty());
    CHECK(rows[4].param == "sha256:" + sha256_hex(R"({"name":"four"})"));
    CHECK(rows[5].param.empty());
}

TEST_CASE("who is neither let in nor denied leaves nothing", "[audit]")
{
    House house;
    CHECK(house.call("nothing").starts_with("[404.2]"));
    house.gate.authority = nullptr;
    CHECK(house.call("change", {{"name", "x"}}).starts_with("[402.1]"));
    house.gate.authority = &house.keys;
    house.router.shut();
    CHECK(house.call("change", {{"name", "x"}}).starts_with("[503.1]"));
    CHECK(house.rows().empty());
}

TEST_CASE("a flood of denied calls becomes a few rows and a count", "[audit]")
{
    House house;
    house.trail.start();
    for (int i = 0; i < 300; ++i) house.call("rule");
    CHECK(house.rows().size() == 100);
    house.pass(60s);
    auto const rows = house.rows();
    REQUIRE(rows.size() == 101);
    CHECK(rows.back().more == 200);
    CHECK(rows.back().address == "127.0.0.1");
    CHECK(rows.back().method == "thing.rule");
    CHECK(rows.back().result == "401.6");
    for (int i = 0; i < 50; ++i) house.call("rule");
    house.trail.stop(); // what was counted is not lost by an orderly end
    house.settle();
    CHECK(house.rows().back().more == 44);
    CHECK_FALSE(audit::verify(house.store.db(), std::nullopt, 1'000).found);
}

TEST_CASE("old rows are pruned in steps, and the chain goes on", "[audit]")
{
    House house;
    AuditSettings settings;
    settings.keep = 100s;
    house.trail.configure(settings);
    house.trail.start();
    for (int i = 0; i < 1'200; ++i) house.call("idle");
    house.pass(50s);
    house.call("idle");
    CHECK(house.rows().size() == 1'201);
    for (int i = 0; i < 70; ++i) house.pass(1s);
    CHECK(house.rows().size() == 1);
    CHECK(audit::start(house.store.db())->seq == 1'200);
    CHECK_FALSE(audit::verify(house.store.db(), std::nullopt, 100).found);
}

TEST_CASE("switched off, it keeps nothing", "[audit]")
{
    House house;
    AuditSettings settings;
    settings.enabled = false;
    house.trail.configure(settings);
    CHECK(house.call("change", {{"name", "x"}}).empty());
    house.call("rule");
    CHECK(house.things() == 1);
    CHECK(house.rows().empty());
}
