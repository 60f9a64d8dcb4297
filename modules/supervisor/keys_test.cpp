#include "supervisor/supervisor.hpp"

#include <set>

#include "catch.hpp"
#include "elves/secret.hpp"
#include "support/office.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

using Names = std::vector<std::string>;

auto const ip = Ip::parse("192.0.2.7").value();

} // namespace

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
                                       {"enabled", "true"}, {"files", "false"}, {"run_hosts", ""},
                                       {"create_time", "2026-01-01 00:00:00"}});
}

TEST_CASE("what a key may do is told as it was set", "[supervisor]")
{
    Office office;
    auto const made = office.make({{"name", "ops"}, {"role", "agent"}, {"apps", {"demo", "*"}},
        {"iplist", {"10.1.2.3/8", "::0:1", "*"}}, {"enabled", "false"}, {"files", "true"},
        {"expires", "2026-03-01 00:00:00"}});
    CHECK(office.auth(made.key) ==
          json::object{{"key", made.key}, {"name", "ops"}, {"role", "agent"}, {"apps", {"demo", "*"}},
              {"iplist", {"10.0.0.0/8", "::1", "*"}}, {"enabled", "false"}, {"files", "true"},
              {"run_hosts", ""}, {"create_time", "2026-01-01 00:00:00"}, {"expires", "2026-03-01 00:00:00"}});
}

TEST_CASE("an expiry in the past is refused, for a new key and for a known one", "[supervisor]")
{
    Office office; // It is 2026-01-01 00:00:00.
    auto const made = office.make();
    for (auto const* const past : {"2020-01-01 00:00:00", "2026-01-01 00:00:00"}) {
        json::object fields{{"expires", past}};
        CHECK(office.refusal("setkey", fields).starts_with("[403.10] `expires` is "));
        fields["key"] = made.key;
        CHECK(office.refusal("setkey", fields).find("in the past") != std::string::npos);
    }
    CHECK_FALSE(office.auth(made.key).contains("expires"));
    office.call("setkey", {{"key", made.key}, {"expires", " 2026-01-01 00:00:01\n"}});
    CHECK(office.auth(made.key).at("expires").as_string() == "2026-01-01 00:00:01");
}

TEST_CASE("blanks and line ends around ranges and apps do not count", "[supervisor]")
{
    Office office;
    auto const made =
        office.make({{"iplist", {" 10.0.0.1", "10.1.0.0/16\r\n"}}, {"apps", {"demo ", "\tnginx.*"}}});
    CHECK(office.auth(made.key).at("iplist").as_array() == json::array{"10.0.0.1", "10.1.0.0/16"});
    CHECK(office.auth(made.key).at("apps").as_array() == json::array{"demo", "nginx.*"});
}

TEST_CASE("setkey changes of a known key what is given and nothing else", "[supervisor]")
{
    Office office;
    auto const made =
        office.make({{"name", "ops"}, {"role", "operator"}, {"apps", {"demo"}}, {"iplist", {"10.0.0.0/8"}}});
    auto expected = office.auth(made.key);
    std::vector<std::pair<std::string, json::value>> const changes{{"name", "new"}, {"role", "viewer"},
        {"apps", {"other.re*"}}, {"iplist", {"::1"}}, {"enabled", "false"}, {"apps", json::array()},
        {"files", "true"}, {"expires", "2030-01-01 00:00:00"}};
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

TEST_CASE("the right `files` is off until it is given, and outlives a restart", "[supervisor]")
{
    Office office;
    auto const made = office.make({{"role", "operator"}});
    CHECK_FALSE(office.authority.find_key(made.key)->files);
    office.call("setkey", {{"key", made.key}, {"files", true}});
    CHECK(office.authority.find_key(made.key)->files);
    office.module->start(); // reads the file again
    CHECK(office.authority.find_key(made.key)->files);
    office.call("setkey", {{"key", made.key}, {"files", "false"}});
    office.module->start();
    CHECK_FALSE(office.authority.find_key(made.key)->files);
    CHECK(office.refusal("setkey", {{"key", made.key}, {"files", "yes"}}) ==
          "[403.10] `files` is \"yes\"; give true or false");
    CHECK(office.authority.find_key("unheard-of") == nullptr);
}

TEST_CASE("two changes of one key that meet are both kept", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const table = [&](json::object const& fields) {
        auto answer = office.driver.table.find("setkey")->run(json_of(fields).root(), {office.peer, nullptr});
        asio::co_spawn(office.loop, reply_of(std::move(answer)), [](std::exception_ptr, Reply) {});
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
    auto const still = [&] {
        return code_of([&] { (void)office.authority.still(KeyRing::bound(made.key, made.token), ip); });
    };
    CHECK(proven().empty());
    CHECK(still().empty());
    office.call("setkey", {{"key", made.key}, {"enabled", "false"}});
    CHECK(proven() == "401.5");
    CHECK(still() == "401.5");
    CHECK(office.check("10.0.0.1", made.key, made.token) == "false");
    office.call("setkey", {{"key", made.key}, {"enabled", "true"}});
    CHECK(proven().empty());
    CHECK(office.authority.still(KeyRing::bound(made.key, made.token), ip)->role == Role::operator_);
    CHECK(office.call("delkey", {{"key", made.key}}).at("waiting") == "0");
    CHECK(proven() == "401.5");
    CHECK(still() == "401.5");
    CHECK(office.refusal("delkey", {{"key", made.key}}).starts_with("[413.1]"));
}

TEST_CASE("a key sees itself, and an admin or nobody in particular sees all", "[supervisor]")
{
    Office office;
    auto const one = office.make();
    auto const two = office.make({{"role", "admin"}});
    auto const own = office.authority.still(KeyRing::bound(one.key, one.token), ip);
    auto const admin = office.authority.still(KeyRing::bound(two.key, two.token), ip);
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
    auto after = driver.call("getauthbykey", {{"key", made.key}}).at("auth").as_object();
    for (auto const* const other : {"quota", "usage"}) after.erase(other);
    CHECK(after == before);
    CHECK(driver.call("listkeys").at("keys").as_array().size() == 1);
    CHECK(driver.call("getappcallbackinfo", {{"appname", "demo"}}).at("appport").as_string() == "9001");
    CHECK(office.host.find<Authority>()->prove(made.key, made.token, ip)->may_use("demo"));
}

TEST_CASE(
    "a key or app of the data file that can't be read counts for nothing, and the others do", "[supervisor]")
{
    Office office;
    auto const sound = office.make();
    auto const broken = office.make();
    office.call("setapp", {{"appname", "demo"}, {"appip", "10.0.0.1"}, {"appport", 9001}});
    office.store.db().script("PRAGMA ignore_check_constraints = ON;"
                             "UPDATE access_key SET apps = '[\"*\"' WHERE id = '" +
                             broken.key + "'; INSERT INTO app VALUES ('other', '10.0.0.2', 65536)");
    auto const again = make_supervisor(office.host);
    again->start();
    auto& authority = *office.host.find<Authority>();
    CHECK(authority.prove(sound.key, sound.token, ip));
    CHECK(code_of([&] { (void)authority.prove(broken.key, broken.token, ip); }) == "401.5");
    CHECK(office.host.find<AppDirectory>()->callback("demo"));
    CHECK_FALSE(office.host.find<AppDirectory>()->callback("other"));
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
    Joins joins(office.store, keys, office.clock, nullptr);
    KeyQuotas quotas(keys);
    Supervisor supervisor(keys, quotas, apps, joins, office.clock, nullptr);
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

TEST_CASE("agent keys for more than one address are warned of by name, those that count", "[keys]")
{
    Office office;
    auto const make = [&](std::string_view role, json::array ips, std::string_view name) {
        return office.make({{"role", role}, {"apps", {"*"}}, {"iplist", std::move(ips)}, {"name", name}}).key;
    };
    CHECK(office.module->warnings().empty());
    make("agent", {"10.0.0.1"}, "one");
    make("agent", {"10.0.0.1", "10.0.0.1/32"}, "twice the same");
    make("agent", {}, "none");
    make("operator", {"10.0.0.0/8"}, "an operator");
    CHECK(office.module->warnings().empty());
    auto const wide = make("agent", {"10.0.0.0/24"}, "web");
    auto const said = [&] {
        auto const all = office.module->warnings();
        return all.empty() ? std::string() : all.front();
    };
    CHECK(said().starts_with("agent keys that cover more than one address: " + wide + " (web); "));
    office.call("setkey", {{"key", wide}, {"enabled", false}});
    CHECK(said().empty());
    office.call("setkey", {{"key", wide}, {"enabled", true}, {"expires", "2026-01-01 00:00:01"}});
    CHECK_FALSE(said().empty());
    office.pass(std::chrono::seconds(1));
    CHECK(said().empty());
    office.call("setkey", {{"key", wide}, {"expires", "never"}, {"iplist", {"10.0.0.7"}}});
    CHECK(said().empty());
    office.call("setkey", {{"key", wide}, {"iplist", {"10.0.0.7", "10.0.0.8"}}});
    CHECK_FALSE(said().empty());
    for (int i = 0; i < 6; ++i) make("agent", {"*"}, "");
    CHECK(said().find(" and 2 more; ") != std::string::npos);
    // Loaded ones, too.
    auto const again = make_supervisor(office.host);
    again->start();
    CHECK(again->warnings() == office.module->warnings());
    office.call("delkey", {{"key", wide}});
    CHECK(said().find(" and 1 more; ") != std::string::npos);
}

namespace {

json::object const admin{{"role", "admin"}, {"apps", {"*"}}, {"iplist", {"*"}}};

} // namespace

TEST_CASE("that an admin key has counted is known for good, also after it is gone and after a restart",
    "[supervisor]")
{
    Office office;
    office.make();
    CHECK_FALSE(office.authority.has_had_admin_key());
    auto const made = office.make(admin);
    CHECK(office.authority.has_had_admin_key());
    CHECK(office.authority.admin_keys().count == 1);
    CHECK(std::string(office.call("delkey", {{"key", made.key}}).at("warning").as_string())
              .find("--init-admin") != std::string::npos);
    CHECK(office.authority.has_had_admin_key());
    CHECK(office.authority.admin_keys().count == 0);
    office.module->stop();
    office.module->start();
    CHECK(office.authority.has_had_admin_key());
}

TEST_CASE("an admin key that is disabled or has expired counts from when it is neither", "[supervisor]")
{
    auto const change = GENERATE(json::object{{"enabled", false}}, json::object{{"role", "viewer"}});
    Office office;
    auto fields = admin;
    for (auto const& [name, value] : change) fields[name] = value;
    auto const made = office.make(fields);
    CHECK_FALSE(office.authority.has_had_admin_key());
    CHECK_FALSE(office.call("setkey", {{"key", made.key}, {"name", "x"}}).contains("warning"));
    office.module->start();
    CHECK_FALSE(office.authority.has_had_admin_key());
    office.call("setkey", {{"key", made.key}, {"enabled", true}, {"expires", "never"}, {"role", "admin"}});
    CHECK(office.authority.has_had_admin_key());
    CHECK(office.authority.admin_keys().count == 1);
    auto back = change;
    back["key"] = made.key;
    CHECK(office.call("setkey", back).contains("warning"));
    CHECK(office.authority.has_had_admin_key());
    CHECK(office.authority.admin_keys().count == 0);
}

TEST_CASE("deleting one of two admin keys, or a key of another role, warns of nothing", "[supervisor]")
{
    Office office;
    auto const one = office.make(admin);
    office.make(admin);
    auto const viewer = office.make();
    CHECK_FALSE(office.call("delkey", {{"key", one.key}}).contains("warning"));
    CHECK_FALSE(office.call("delkey", {{"key", viewer.key}}).contains("warning"));
}
