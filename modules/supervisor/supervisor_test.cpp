#include "supervisor/supervisor.hpp"

#include <set>

#include "catch.hpp"
#include "elves/host.hpp"
#include "elves/secret.hpp"
#include "support/fake_peer.hpp"
#include "support/fake_presence.hpp"
#include "support/inline_store.hpp"
#include "support/module_driver.hpp"
#include "support/some_key.hpp"
#include "unit/manual_clock.hpp"

namespace elves {
std::unique_ptr<Module> make_supervisor(Host& host);
}

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct Office {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    std::unique_ptr<Module> module = make_supervisor(host);
    ModuleDriver driver{*module, loop};
    Authority& authority = *host.find<Authority>();
    AppDirectory& directory = *host.find<AppDirectory>();
    std::shared_ptr<FakePeer> peer = std::make_shared<FakePeer>(loop.get_executor(), clock, "192.0.2.7");

    Office() { module->start(); }
    json::object call(
        std::string_view method, json::object const& fields = {}, std::shared_ptr<Key const> key = {})
    {
        return driver.call(method, fields, {peer, std::move(key)});
    }
    std::string refusal(
        std::string_view method, json::object const& fields = {}, std::shared_ptr<Key const> key = {})
    {
        return driver.refusal(method, fields, {peer, std::move(key)});
    }
    struct Made {
        std::string key;
        std::string token;
    };
    Made make(
        json::object const& fields = {{"role", "operator"}, {"apps", {"*"}}, {"iplist", {"10.0.0.0/8"}}})
    {
        auto const reply = call("setkey", fields);
        return {std::string(reply.at("key").as_string()), std::string(reply.at("token").as_string())};
    }
    json::object auth(std::string const& key)
    {
        return call("getauthbykey", {{"key", key}}).at("auth").as_object();
    }
    /// The status that `checkipauthbykey` tells, however long it takes.
    std::string check(std::string const& agent, std::string const& key, std::string const& token)
    {
        auto const pending = driver.begin(
            "checkipauthbykey", {{"agentip", agent}, {"key", key}, {"token", token}}, {peer, nullptr});
        pass(2s);
        return std::string(pending.fields().at("status").as_string());
    }
    /// What refuses `login`, however long it takes; "" where it is not refused.
    std::string login(std::string const& key, std::string const& token)
    {
        auto const pending = driver.begin("login", {{"key", key}, {"token", token}}, {peer, nullptr});
        pass(2s);
        try {
            (void)pending.fields();
            return "";
        } catch (Error const& error) {
            return error.info();
        }
    }
    void pass(std::chrono::milliseconds time)
    {
        clock.advance(time);
        driver.run();
    }
    std::vector<std::string> names(std::string_view method, std::string_view list, std::string_view field,
        json::object const& fields = {}, std::shared_ptr<Key const> key = {})
    {
        std::vector<std::string> found;
        auto const reply = call(method, fields, std::move(key));
        for (auto const& entry : reply.at(list).as_array()) {
            found.emplace_back(entry.as_object().at(field).as_string());
        }
        return found;
    }
};

using Names = std::vector<std::string>;

auto const ip = Ip::parse("192.0.2.7").value();

std::string code_of(std::function<void()> const& what)
{
    try {
        what();
        return "";
    } catch (Error const& error) {
        return std::string(error.code().text);
    }
}

} // namespace

// ---- keys ----
TEST_CASE("a new key comes with its token this once, and only the token's hash is stored", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    CHECK(made.key.size() == 16);
    CHECK(made.token.starts_with("elv_"));
    CHECK(made.token.size() == 4 + 43);
    CHECK(office.make().token != made.token);
    auto row = office.store.db().run("SELECT token_hash, name || apps || ips FROM access_key WHERE id = ?1");
    row.bind(1, made.key);
    REQUIRE(row.next());
    CHECK(row.text(0) == sha256_hex(made.token));
    auto const told = json::serialize(office.call("listkeys")) + json::serialize(office.auth(made.key));
    CHECK(told.find(made.token) == std::string::npos);
    CHECK(told.find(sha256_hex(made.token)) == std::string::npos);
    CHECK_FALSE(office.call("setkey", {{"key", made.key}, {"name", "x"}}).contains("token"));
}

TEST_CASE("a new key of which nothing is said is a viewer without rights", "[supervisor]")
{
    Office office;
    auto const made = office.make(json::object());
    CHECK(office.auth(made.key) == json::object{{"key", made.key}, {"name", ""}, {"role", "viewer"},
                                       {"apps", json::array()}, {"iplist", json::array()},
                                       {"enabled", "true"}, {"create_time", "2026-01-01 00:00:00"}});
}

TEST_CASE("what a key may do is told as it was set", "[supervisor]")
{
    Office office;
    auto const made = office.make({{"name", "ops"}, {"role", "agent"}, {"apps", {"demo", "*"}},
        {"iplist", {"10.1.2.3/8", "::0:1", "*"}}, {"enabled", "false"}, {"expires", "2026-03-01 00:00:00"}});
    CHECK(office.auth(made.key) == json::object{{"key", made.key}, {"name", "ops"}, {"role", "agent"},
                                       {"apps", {"demo", "*"}}, {"iplist", {"10.0.0.0/8", "::1", "*"}},
                                       {"enabled", "false"}, {"create_time", "2026-01-01 00:00:00"},
                                       {"expires", "2026-03-01 00:00:00"}});
}

TEST_CASE("setkey changes of a known key what is given and nothing else", "[supervisor]")
{
    Office office;
    auto const made =
        office.make({{"name", "ops"}, {"role", "operator"}, {"apps", {"demo"}}, {"iplist", {"10.0.0.0/8"}}});
    auto expected = office.auth(made.key);
    std::vector<std::pair<std::string, json::value>> const changes{{"name", "new"}, {"role", "viewer"},
        {"apps", {"other.re*"}}, {"iplist", {"::1"}}, {"enabled", "false"}, {"apps", json::array()},
        {"expires", "2030-01-01 00:00:00"}};
    for (auto const& [field, value] : changes) {
        CHECK(office.call("setkey", {{"key", made.key}, {field, value}}) == json::object{{"key", made.key}});
        expected[field] = value;
        CHECK(office.auth(made.key) == expected);
    }
    office.call("setkey", {{"key", made.key}, {"name", ""}, {"role", ""}});
    CHECK(office.auth(made.key) == expected);
    CHECK_THROWS_AS(office.authority.prove(made.key, made.token, ip), Error);
    office.call("setkey", {{"key", made.key}, {"enabled", true}});
    CHECK(office.authority.prove(made.key, made.token, ip)->role == Role::viewer);
}

TEST_CASE("two changes of one key that meet are both kept", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const table = [&](json::object const& fields) {
        auto answer = office.driver.table.find("setkey")->run(fields, {office.peer, nullptr});
        asio::co_spawn(office.loop, std::get<asio::awaitable<Reply>>(std::move(answer)),
            [](std::exception_ptr, Reply) {});
    };
    table({{"key", made.key}, {"name", "new"}});
    table({{"key", made.key}, {"role", "viewer"}});
    office.driver.run();
    CHECK(office.auth(made.key).at("name").as_string() == "new");
    CHECK(office.auth(made.key).at("role").as_string() == "viewer");
}

TEST_CASE("a change of a key that isn't there is refused", "[supervisor]")
{
    Office office;
    CHECK(office.refusal("setkey", {{"key", "unheard-of"}, {"name", "x"}}) ==
          "[413.1] no such key: \"unheard-of\"");
    CHECK(office.refusal("getauthbykey", {{"key", "unheard-of"}}) == "[413.1] no such key: \"unheard-of\"");
    CHECK(office.refusal("delkey", {{"key", "unheard-of"}}) == "[413.1] no such key: \"unheard-of\"");
}

TEST_CASE("a key proves itself with its own token only", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const other = office.make();
    CHECK(office.authority.prove(made.key, made.token, ip)->key == made.key);
    std::set<std::string> texts;
    std::vector<std::pair<std::string, std::string>> const wrong{{made.key, other.token}, {made.key, ""},
        {made.key, made.token + "x"}, {made.key, made.token.substr(1)}, {"wrong", made.token}, {"", ""},
        {"", made.token}, {made.key, std::string(1'000'000, 'x')}, {made.key, sha256_hex(made.token)}};
    for (auto const& [key, token] : wrong) {
        try {
            (void)office.authority.prove(key, token, ip);
            FAIL("proven by " << token.substr(0, 80));
        } catch (Error const& error) {
            texts.insert(error.info());
        }
    }
    CHECK(texts.size() == 1);
    CHECK(texts.begin()->starts_with("[401.5]"));
}

TEST_CASE("a deleted or disabled key is none at once, and an enabled one is one again", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const proven = [&] {
        return code_of([&] { (void)office.authority.prove(made.key, made.token, ip); });
    };
    auto const still = [&] { return code_of([&] { (void)office.authority.still(made.key, ip); }); };
    CHECK(proven().empty());
    CHECK(still().empty());
    office.call("setkey", {{"key", made.key}, {"enabled", "false"}});
    CHECK(proven() == "401.5");
    CHECK(still() == "401.5");
    CHECK(office.check("10.0.0.1", made.key, made.token) == "false");
    office.call("setkey", {{"key", made.key}, {"enabled", "true"}});
    CHECK(proven().empty());
    CHECK(office.authority.still(made.key, ip)->role == Role::operator_);
    CHECK(office.call("delkey", {{"key", made.key}}).empty());
    CHECK(proven() == "401.5");
    CHECK(still() == "401.5");
    CHECK(office.refusal("delkey", {{"key", made.key}}).starts_with("[413.1]"));
}

TEST_CASE("a key sees itself, and an admin or nobody in particular sees all", "[supervisor]")
{
    Office office;
    auto const one = office.make();
    auto const two = office.make({{"role", "admin"}});
    auto const own = office.authority.still(one.key, ip);
    auto const admin = office.authority.still(two.key, ip);
    CHECK(office.call("getauthbykey", {{"key", one.key}}, own).contains("auth"));
    CHECK(office.refusal("getauthbykey", {{"key", two.key}}, own).starts_with("[401.6]"));
    CHECK(office.refusal("getauthbykey", {{"key", "unheard-of"}}, own).starts_with("[401.6]"));
    CHECK(office.call("getauthbykey", {{"key", one.key}}, admin).contains("auth"));
    CHECK(office.call("getauthbykey", {{"key", two.key}}).contains("auth"));
}

TEST_CASE("keys are listed in pages that miss none", "[supervisor]")
{
    Office office;
    std::set<std::string> made;
    for (int n = 0; n < 5; ++n) made.insert(office.make().key);
    CHECK(office.names("listkeys", "keys", "key") == Names(made.begin(), made.end()));
    auto const first = office.call("listkeys", {{"limit", 3}});
    CHECK(first.at("keys").as_array().size() == 3);
    auto const second = office.call("listkeys", {{"limit", 3}, {"after", first.at("next")}});
    CHECK(second.at("keys").as_array().size() == 2);
    CHECK_FALSE(second.contains("next"));
}

TEST_CASE("keys and apps are there again after a restart", "[supervisor]")
{
    Office office;
    auto const made =
        office.make({{"name", "ops"}, {"role", "agent"}, {"apps", {"demo"}}, {"iplist", {"10.0.0.0/8"}}});
    auto const gone = office.make();
    office.call("delkey", {{"key", gone.key}});
    office.call("setapp", {{"appname", "demo"}, {"appip", "10.0.0.1"}, {"appport", 9001}});
    auto const before = office.auth(made.key);
    auto const again = make_supervisor(office.host);
    again->start();
    ModuleDriver driver(*again, office.loop);
    CHECK(driver.call("getauthbykey", {{"key", made.key}}).at("auth") == before);
    CHECK(driver.call("listkeys").at("keys").as_array().size() == 1);
    CHECK(driver.call("getappcallbackinfo", {{"appname", "demo"}}).at("appport").as_string() == "9001");
    CHECK(office.host.find<Authority>()->prove(made.key, made.token, ip)->may_use("demo"));
}

TEST_CASE("a key that the disk does not take is none, and stays as it was", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const before = office.auth(made.key);
    office.store.fail_all(true);
    CHECK(office.refusal("setkey", {{"role", "admin"}}).starts_with("[507.1]"));
    CHECK(office.refusal("setkey", {{"key", made.key}, {"role", "admin"}}).starts_with("[507.1]"));
    CHECK(office.refusal("delkey", {{"key", made.key}}).starts_with("[507.1]"));
    CHECK(office.auth(made.key) == before);
    CHECK(office.names("listkeys", "keys", "key") == Names{made.key});
}

TEST_CASE("there is a bound to the number of keys and of apps", "[supervisor]")
{
    Office office;
    KeyRing keys(office.store, Zone(), 1);
    AppAddresses apps(office.store, 1);
    Supervisor supervisor(keys, apps, office.clock, nullptr);
    ModuleDriver driver(supervisor, office.loop);
    auto const key = driver.call("setkey").at("key");
    CHECK(driver.refusal("setkey").starts_with("[429.1]"));
    CHECK(driver.refusal("setkey", {{"key", key}, {"name", "x"}}).empty());
    json::object app{{"appname", "one"}, {"appip", "::1"}, {"appport", 1}};
    CHECK(driver.refusal("setapp", app).empty());
    CHECK(driver.refusal("setapp", app).empty());
    app["appname"] = "two";
    CHECK(driver.refusal("setapp", app).starts_with("[429.1]"));
}

TEST_CASE("the first admin's key is made before the loop runs, for every app and IP", "[supervisor]")
{
    Office office;
    auto const issued = office.host.find<KeyIssuer>()->issue_at_start("root", Role::admin, {});
    auto const key = office.authority.prove(issued.key, issued.token, ip);
    CHECK(key->name == "root");
    CHECK(key->role == Role::admin);
    CHECK(key->may_use("anything"));
    CHECK(key->may_touch(Ip::parse("fe80::1").value()));
    auto const again = make_supervisor(office.host);
    again->start();
    CHECK(office.host.find<Authority>()->prove(issued.key, issued.token, ip)->name == "root");
    CHECK(code_of([&] {
        (void)office.host.find<KeyIssuer>()->issue_at_start(std::string(257, 'x'), Role::admin, {});
    }) == "403.10");
}

// ---- checkipauthbykey and login ----
TEST_CASE("a proven key has rights on the IPs of its ranges", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    CHECK(office.check("10.0.0.1", made.key, made.token) == "true");
    CHECK(office.check("192.168.0.1", made.key, made.token) == "false");
    CHECK(office.check("10.0.0.1", made.key, "wrong") == "false");
    CHECK(office.check("10.0.0.1", "wrong", made.token) == "false");
}

TEST_CASE("wrong tries wait before their answer, and right ones don't", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const begin = [&](std::string_view method, std::string const& key, std::string const& token) {
        return office.driver.begin(
            method, {{"agentip", "10.0.0.1"}, {"key", key}, {"token", token}}, {office.peer, nullptr});
    };
    std::vector<ModuleDriver::Pending> wrong;
    for (int n = 0; n < 10; ++n) {
        wrong.push_back(begin("checkipauthbykey", made.key, "wrong"));
        wrong.push_back(begin("login", "wrong", made.token));
        CHECK_FALSE(wrong.back().done());
    }
    CHECK(begin("checkipauthbykey", made.key, made.token).fields().at("status").as_string() == "true");
    CHECK(begin("login", made.key, made.token).done());
    office.pass(49ms);
    CHECK_FALSE(wrong.front().done());
    office.pass(1ms);
    CHECK(wrong.front().done());
    CHECK_FALSE(wrong.back().done());
    office.pass(2s);
    for (auto const& pending : wrong) CHECK(pending.done());
}

TEST_CASE("a login binds its connection to the key, and a wrong one binds nothing", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const wrong_token = office.login(made.key, "wrong");
    CHECK(wrong_token.starts_with("[401.5]"));
    CHECK(office.login("wrong", made.token) == wrong_token);
    CHECK(office.peer->bound_key().empty());
    CHECK(office.login(made.key, made.token).empty());
    CHECK(office.peer->bound_key() == made.key);
    office.call("setkey", {{"key", made.key}, {"enabled", "false"}});
    CHECK(office.login(made.key, made.token) == wrong_token);
}

TEST_CASE("a key counts up to its expiry, and its agents' links are cut after it", "[supervisor]")
{
    Office office;
    FakePresence presence;
    KeyRing keys(office.store, Zone());
    AppAddresses apps(office.store);
    Supervisor supervisor(keys, apps, office.clock, &presence);
    ModuleDriver driver(supervisor, office.loop);
    supervisor.start();
    auto const made = driver.call("setkey", {{"expires", "2026-01-01 00:10:00"}});
    std::string const key(made.at("key").as_string());
    std::string const token(made.at("token").as_string());
    auto const proven = [&] { return code_of([&] { (void)supervisor.prove(key, token, ip); }).empty(); };
    auto const still = [&] { return code_of([&] { (void)supervisor.still(key, ip); }).empty(); };
    office.clock.advance(599s);
    CHECK((proven() && still()));
    CHECK(presence.cut.empty());
    office.clock.advance(1s);
    CHECK_FALSE((proven() || still()));
    office.clock.advance(60s);
    CHECK(presence.cut == std::vector<std::string>{key});
    office.clock.advance(600s);
    CHECK(presence.cut.size() == 1);
    driver.call("setkey", {{"key", key}, {"expires", "never"}});
    CHECK((proven() && still()));
}

TEST_CASE("a rotated key has two tokens until the overlap is over", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const again = office.call("setkey", {{"key", made.key}, {"rotate", true}, {"overlap", 60}});
    std::string const fresh(again.at("token").as_string());
    auto const proven = [&](std::string const& token) {
        return code_of([&] { (void)office.authority.prove(made.key, token, ip); }).empty();
    };
    CHECK(fresh != made.token);
    CHECK((proven(fresh) && proven(made.token)));
    CHECK(office.names("listkeys", "keys", "old_token_until") == Names{"2026-01-01 00:01:00"});
    office.pass(60s);
    CHECK(proven(fresh));
    CHECK_FALSE(proven(made.token));
    auto const third = office.call("setkey", {{"key", made.key}, {"rotate", true}, {"overlap", 0}});
    CHECK_FALSE((proven(fresh) || proven(made.token)));
    auto const restarted = make_supervisor(office.host);
    restarted->start();
    CHECK(proven(std::string(third.at("token").as_string())));
    CHECK(office.refusal("setkey", {{"key", made.key}, {"rotate", true}, {"name", "x"}})
              .starts_with("[403.10]"));
    CHECK(office.refusal("setkey", {{"key", "unheard-of"}, {"rotate", true}}).starts_with("[413.1]"));
}

TEST_CASE("who used a key last is told at once, and written once a minute", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    office.pass(10s);
    (void)office.authority.prove(made.key, made.token, ip);
    CHECK(office.names("listkeys", "keys", "used_time") == Names{"2026-01-01 00:00:10"});
    CHECK(office.names("listkeys", "keys", "used_from") == Names{"192.0.2.7"});
    auto const before = office.store.posted();
    office.pass(60s);
    CHECK(office.store.posted() == before + 1);
    office.pass(60s);
    CHECK(office.store.posted() == before + 1);
    auto const again = make_supervisor(office.host);
    again->start();
    ModuleDriver driver(*again, office.loop);
    auto const keys = driver.call("listkeys");
    CHECK(keys.at("keys").as_array().front().at("used_from").as_string() == "192.0.2.7");
}

// ---- apps ----
TEST_CASE("an app's processor is where setapp said last", "[supervisor]")
{
    Office office;
    CHECK(office.call("setapp", {{"appname", "demo"}, {"appip", "10.0.0.1"}, {"appport", "9001"}}).empty());
    CHECK(office.call("getappcallbackinfo", {{"appname", "demo"}}) ==
          json::object{{"appip", "10.0.0.1"}, {"appport", "9001"}});
    office.call("setapp", {{"appname", "demo"}, {"appip", "::0:1"}, {"appport", 9002}});
    CHECK(office.call("getappcallbackinfo", {{"appname", "demo"}}) ==
          json::object{{"appip", "::1"}, {"appport", "9002"}});
    CHECK(office.directory.callback("demo")->host == "::1");
    CHECK(office.directory.callback("demo")->port == 9002);
    CHECK_FALSE(office.directory.callback("other"));
}

TEST_CASE("a processor may be named by its host", "[supervisor]")
{
    Office office;
    for (std::string const host : {"localhost", "web-1.example.com", "A.b", "3com.net", "x"}) {
        office.call("setapp", {{"appname", "demo"}, {"appip", host}, {"appport", 1}});
        CHECK(office.directory.callback("demo")->host == host);
    }
}

TEST_CASE("an app that isn't there is said so", "[supervisor]")
{
    Office office;
    CHECK(office.refusal("getappcallbackinfo", {{"appname", "demo"}}).starts_with("[413.2]"));
    CHECK(office.refusal("delapp", {{"appname", "demo"}}) == "[413.2] no such app: demo");
    office.call("setapp", {{"appname", "demo"}, {"appip", "10.0.0.1"}, {"appport", 65535}});
    CHECK(office.call("delapp", {{"appname", "demo"}}).empty());
    CHECK(office.refusal("delapp", {{"appname", "demo"}}).starts_with("[413.2]"));
    CHECK_FALSE(office.directory.callback("demo"));
}

TEST_CASE("apps are listed by name, in pages, and cut to the key", "[supervisor]")
{
    Office office;
    for (std::string const app : {"c", "a", "b"}) {
        office.call("setapp", {{"appname", app}, {"appip", "10.0.0.1"}, {"appport", 1}});
    }
    CHECK(
        office.call("listapps", {{"limit", 1}}) ==
        json::object{{"apps", {{{"appname", "a"}, {"appip", "10.0.0.1"}, {"appport", "1"}}}}, {"next", "a"}});
    CHECK(office.names("listapps", "apps", "appname", {{"after", "a"}}) == Names{"b", "c"});
    Key cut = *some_key(Role::viewer);
    cut.apps = {"b"};
    auto const key = std::make_shared<Key const>(cut);
    CHECK(office.names("listapps", "apps", "appname", {}, key) == Names{"b"});
    CHECK(office.refusal("getappcallbackinfo", {{"appname", "a"}}, key).starts_with("[401.6]"));
}

// ---- wrong input, rights ----
TEST_CASE("wrong input to supervisor is refused with the field's name", "[supervisor]")
{
    Office office;
    struct Wrong {
        std::string_view method;
        json::object fields;
        std::string_view code;
        std::string_view field;
    };
    json::object const app{{"appname", "demo"}, {"appip", "10.0.0.1"}, {"appport", 1}};
    auto const app_with = [&](std::string_view field, json::value const& value) {
        auto fields = app;
        fields[field] = value;
        return fields;
    };
    std::vector<Wrong> all{
        {"checkipauthbykey", {{"key", "k"}, {"token", "t"}}, "[403.1]", "agentip"},
        {"checkipauthbykey", {{"agentip", "x"}, {"key", "k"}, {"token", "t"}}, "[403.1]", "agentip"},
        {"checkipauthbykey", {{"agentip", "10.0.0.1"}, {"token", "t"}}, "[401.1]", "key"},
        {"checkipauthbykey", {{"agentip", "10.0.0.1"}, {"key", "k"}}, "[401.1]", "token"},
        {"checkipauthbykey", {{"agentip", "10.0.0.1"}, {"key", ""}, {"token", "t"}}, "[401.1]", "key"},
        {"login", {{"key", "k"}}, "[401.1]", "token"},
        {"login", {{"key", 5}, {"token", "t"}}, "[401.1]", "key"},
        {"getappcallbackinfo", {}, "[403.3]", "appname"},
        {"getappcallbackinfo", {{"appname", "../x"}}, "[403.3]", "appname"},
        {"getauthbykey", {}, "[403.10]", "key"},
        {"getauthbykey", {{"key", 5}}, "[403.10]", "key"},
        {"setkey", {{"role", "king"}}, "[403.10]", "role"},
        {"setkey", {{"role", 5}}, "[403.10]", "role"},
        {"setkey", {{"name", std::string(257, 'x')}}, "[403.10]", "name"},
        {"setkey", {{"apps", "demo"}}, "[403.10]", "apps"},
        {"setkey", {{"apps", {"demo", "a/b"}}}, "[403.3]", "apps[1]"},
        {"setkey", {{"iplist", {"10.0.0.0/33"}}}, "[403.10]", "iplist"},
        {"setkey", {{"enabled", "maybe"}}, "[403.10]", "enabled"},
        {"setkey", {{"apps", {""}}}, "[403.3]", "apps[0]"},
        {"setkey", {{"expires", "tomorrow"}}, "[403.10]", "expires"},
        {"setkey", {{"overlap", 2'592'001}}, "[403.10]", "overlap"},
        {"delkey", {}, "[403.10]", "key"},
        {"listkeys", {{"limit", 0}}, "[403.10]", "limit"},
        {"listkeys", {{"limit", 1001}}, "[403.10]", "limit"},
        {"listapps", {{"limit", "x"}}, "[403.10]", "limit"},
        {"delapp", {}, "[403.3]", "appname"},
        {"setapp", app_with("appname", ".demo"), "[403.3]", "appname"},
    };
    for (json::value const& bad : {json::value("10.0.0"), json::value("10.0.0.256"), json::value("a b"),
             json::value("-a"), json::value("a-"), json::value("a..b"), json::value(".a"), json::value("a."),
             json::value("a-.b"), json::value("a:1"), json::value("[::1]"), json::value(""), json::value(5),
             json::value(std::string(254, 'a'))}) {
        all.push_back({"setapp", app_with("appip", bad), "[403.1]", "appip"});
    }
    for (json::value const& bad : {json::value(0), json::value(65536), json::value(-1), json::value("-1"),
             json::value("web"), json::value(""), json::value(1.5), json::value(nullptr)}) {
        all.push_back({"setapp", app_with("appport", bad), "[403.10]", "appport"});
    }
    for (auto const& wrong : all) {
        auto const text = office.refusal(wrong.method, wrong.fields);
        INFO(wrong.method << " " << json::serialize(wrong.fields) << ": " << text);
        CHECK(text.starts_with(wrong.code));
        CHECK(text.find("`" + std::string(wrong.field)) != std::string::npos);
    }
    CHECK(office.names("listkeys", "keys", "key").empty());
    CHECK(office.names("listapps", "apps", "appname").empty());
}

TEST_CASE("each method of supervisor asks for its right", "[supervisor]")
{
    Office office;
    auto const right = [&](std::string_view method) { return office.driver.table.find(method)->right; };
    CHECK(right("checkipauthbykey") == Right::open);
    CHECK(right("login") == Right::open);
    CHECK(right("getauthbykey") == Right::own);
    CHECK(right("getappcallbackinfo") == Right::read);
    CHECK(right("listapps") == Right::read);
    for (auto const* method : {"setkey", "delkey", "listkeys", "setapp", "delapp"})
        CHECK(right(method) == Right::manage);
}
