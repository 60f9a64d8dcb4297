#include "supervisor/supervisor.hpp"

#include <set>

#include "catch.hpp"
#include "support/fake_presence.hpp"
#include "support/office.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

using Names = std::vector<std::string>;

auto const ip = Ip::parse("192.0.2.7").value();

/// A supervisor that knows which agents are there.
struct Post {
    Office office;
    FakePresence presence;
    KeyRing keys{office.store, Zone()};
    AppAddresses apps{office.store};
    Joins joins{office.store, keys, office.clock, &presence};
    KeyQuotas quotas{keys};
    Supervisor supervisor{keys, quotas, apps, joins, office.clock, &presence};
    ModuleDriver driver{supervisor, office.loop};

    Post() { supervisor.start(); }
};

} // namespace

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
    CHECK(office.peer->bound_key().key.empty());
    CHECK(office.login(made.key, made.token).empty());
    CHECK(office.peer->bound_key().key == made.key);
    office.call("setkey", {{"key", made.key}, {"enabled", "false"}});
    CHECK(office.login(made.key, made.token) == wrong_token);
}

TEST_CASE("a key counts up to its expiry, and its agents' links are cut in that second", "[supervisor]")
{
    Post post;
    auto const made = post.driver.call("setkey", {{"expires", "2026-01-01 00:10:00"}});
    std::string const key(made.at("key").as_string());
    std::string const token(made.at("token").as_string());
    auto const proven = [&] { return code_of([&] { (void)post.supervisor.prove(key, token, ip); }).empty(); };
    auto const still = [&] {
        return code_of([&] { (void)post.supervisor.still(KeyRing::bound(key, token), ip); }).empty();
    };
    post.office.clock.advance(599s);
    CHECK((proven() && still()));
    CHECK(post.presence.cut.empty());
    post.office.clock.advance(1s);
    CHECK_FALSE((proven() || still()));
    CHECK(post.presence.cut == std::vector<std::string>{key});
    post.office.clock.advance(600s);
    CHECK(post.presence.cut.size() == 1);
    post.driver.call("setkey", {{"key", key}, {"expires", "never"}});
    CHECK((proven() && still()));
}

TEST_CASE("many keys that expire at one moment have all their links cut within the second", "[supervisor]")
{
    Post post;
    std::set<std::string> keys;
    for (int i = 0; i < 130; ++i) {
        auto const made = post.driver.call("setkey", {{"expires", "2026-01-01 00:10:00"}});
        keys.emplace(made.at("key").as_string());
    }
    post.office.clock.advance(600s);
    for (int i = 0; i < 10; ++i) post.office.clock.advance(1ms);
    auto const& cut = post.presence.cut;
    CHECK(std::set<std::string>(cut.begin(), cut.end()) == keys);
    CHECK(cut.size() == keys.size());
}

TEST_CASE("an expiry that is set while the server runs, or taken back, counts in time", "[supervisor]")
{
    Post post;
    auto const made = post.driver.call("setkey", {{"name", "web-5"}});
    std::string const key(made.at("key").as_string());
    post.driver.call("setkey", {{"key", key}, {"expires", "2026-01-01 00:10:00"}});
    post.presence.cut.clear(); // The change itself cuts.
    post.driver.call("setkey", {{"key", key}, {"expires", "never"}});
    post.presence.cut.clear();
    post.office.clock.advance(700s);
    CHECK(post.presence.cut.empty());
    post.driver.call("setkey", {{"key", key}, {"expires", "2026-01-01 00:20:00"}});
    post.presence.cut.clear();
    post.office.clock.advance(500s);
    CHECK(post.presence.cut == std::vector<std::string>{key});
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

TEST_CASE(
    "a connection is bound to the key for as long as the token counts that it logged in with", "[supervisor]")
{
    Office office;
    auto const made = office.make();
    auto const stands = [&] {
        return code_of([&] { (void)office.authority.still(office.peer->bound_key(), ip); }).empty();
    };
    auto const rotate = [&](int overlap) {
        auto const again = office.call("setkey", {{"key", made.key}, {"rotate", true}, {"overlap", overlap}});
        return std::string(again.at("token").as_string());
    };
    CHECK(office.login(made.key, made.token).empty());
    auto const second = rotate(60);
    CHECK(stands());
    office.pass(60s);
    CHECK_FALSE(stands());
    CHECK(office.login(made.key, second).empty());
    CHECK(stands());
    auto const third = rotate(0);
    CHECK_FALSE(stands());
    CHECK(office.login(made.key, third).empty());
    (void)rotate(60);
    CHECK(stands());
    (void)rotate(60); // there are two tokens at most
    CHECK_FALSE(stands());
}

TEST_CASE("agents' links of a rotated key are cut when its old token ends", "[supervisor]")
{
    Post post;
    auto const made = post.driver.call("setkey", {{"role", "agent"}});
    std::string const key(made.at("key").as_string());
    auto const rotate = [&](int overlap) {
        post.driver.call("setkey", {{"key", key}, {"rotate", true}, {"overlap", overlap}});
    };
    rotate(600);
    post.office.clock.advance(599s);
    CHECK(post.presence.cut.empty());
    post.office.clock.advance(61s);
    CHECK(post.presence.cut.size() == 1);
    post.office.clock.advance(600s);
    CHECK(post.presence.cut.size() == 1);
    rotate(0);
    CHECK(post.presence.cut.size() == 2);
    post.office.clock.advance(120s);
    CHECK(post.presence.cut.size() == 2);
    rotate(600);
    CHECK(post.presence.cut.size() == 2);
    rotate(600); // the first of the three is none from now on
    CHECK(post.presence.cut == std::vector<std::string>{key, key, key});
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
