#include "rpc/router.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "catch.hpp"
#include "core/utf8.hpp"
#include "manual_clock.hpp"
#include "support/fake_peer.hpp"
#include "support/some_key.hpp"

using namespace elves;

namespace {

/// One key, `good`, with the token `secret`.
class OneKey final : public Authority {
public:
    std::shared_ptr<Key const> key = some_key(Role::viewer);
    bool gone = false;

    std::shared_ptr<Key const> prove(std::string_view name, std::string_view token, Ip const&) override
    {
        if (gone || name != "good" || token != "secret") throw Error(codes::wrong_key, "wrong key or token");
        return key;
    }
    std::shared_ptr<Key const> still(BoundKey const&, Ip const&) override
    {
        if (gone) throw Error(codes::wrong_key, "the key is gone");
        return key;
    }
    asio::awaitable<void> wrong_try(std::shared_ptr<Peer>, std::string) override
    {
        ++wrong_tries;
        co_return;
    }
    [[nodiscard]] bool has_had_admin_key() const noexcept override { return has_had_admin; }
    [[nodiscard]] AdminKeys admin_keys() const override { return {1, has_had_admin}; }
    int wrong_tries = 0;
    bool has_had_admin = false;
};

struct House {
    asio::io_context loop;
    ManualClock clock;
    Gate gate;
    OneKey keys;
    MethodTable table;
    Router router{gate};

    House()
    {
        gate.authority = &keys;
        auto const say = [](std::string what) {
            return [what](Nothing, Caller const&) { return Reply{{"said", what}}; };
        };
        table.call<Nothing>("hello", Right::open, {}, "Says hello.", say("hello")).or_named("hallo");
        table.call<Nothing>("look", Right::read, {}, "Needs the right to read.", say("seen"));
        table.call<Nothing>("rule", Right::manage, {}, "Needs the right to manage.", say("ruled"));
        table
            .call<Nothing>("refuse", Right::open, {}, "Refuses.",
                [](Nothing, Caller const&) -> Reply { throw Error(codes::bad_param, "not that"); })
            .refused_with([](Error const& error) {
                return Reply{{"why", error.info()}};
            });
        table.call<Nothing>("break", Right::open, {}, "Breaks.",
            [](Nothing, Caller const&) -> Reply { throw std::runtime_error("a secret of the house"); });
        table.call<Nothing>("breaklater", Right::open, {}, "Breaks after a while.",
            [](Nothing, Caller) -> asio::awaitable<Reply> {
                co_await asio::post(asio::use_awaitable);
                throw std::runtime_error("a secret of the house");
            });
        table.call<Nothing>("listips", Right::read, {}, "Cut to a key's addresses.", say("some")).cut_by_ip();
        table
            .call<Nothing>("listapps", Right::read, {}, "Cut to a key's apps, after a while.",
                [](Nothing, Caller) -> asio::awaitable<Reply> {
                    co_await asio::post(asio::use_awaitable);
                    co_return Reply{{"said", "some"}};
                })
            .cut_by_app();
        router.add("sheduler", table);
        router.add_disabled("cron");
    }

    std::shared_ptr<FakePeer> peer(std::string const& ip = "127.0.0.1")
    {
        return std::make_shared<FakePeer>(loop.get_executor(), clock, ip);
    }

    Outcome run(std::string_view frame, std::shared_ptr<Peer> from = nullptr)
    {
        auto const call = JsonDocument::parse(frame);
        auto answer = router.run(Envelope::of(call.root()), call.root(), from ? from : peer());
        Outcome outcome;
        asio::co_spawn(loop, outcome_of(std::move(answer)), [&](std::exception_ptr failure, Outcome later) {
            CHECK_FALSE(failure);
            outcome = std::move(later);
        });
        loop.restart();
        loop.run();
        return outcome;
    }
    std::string error(std::string_view frame, std::shared_ptr<Peer> from = nullptr)
    {
        return run(frame, std::move(from)).error_info;
    }
};

} // namespace

TEST_CASE("a method is found under each of its names, whatever the case", "[router]")
{
    House house;
    for (auto const* frame : {R"({"mqt":"call","mqs":"sheduler","mqf":"hello"})",
             R"({"mqt":"call","mqs":"ScheduleR","mqf":"HELLO"})",
             R"({"mqt":"call","mqs":"sheduler","mqf":"hallo"})"}) {
        INFO(frame);
        CHECK(house.run(frame).fields == json::object{{"said", "hello"}});
    }
}

TEST_CASE("what is missing, unknown or off is named", "[router]")
{
    House house;
    CHECK(house.error(R"({"mqt":"call"})").starts_with("[404.1] `mqs`"));
    CHECK(house.error(R"({"mqt":"call","mqs":5})").starts_with("[404.1] `mqs`"));
    CHECK(house.error(R"({"mqt":"call","mqs":"nurse"})").starts_with("[404.1] no service \"nurse\""));
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler"})").starts_with("[404.2] `mqf`"));
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"x"})")
              .starts_with("[404.2] no method \"x\" in sheduler"));
    CHECK(house.error(R"({"mqt":"call","mqs":"cron","mqf":"x"})").starts_with("[402.1] the module cron"));
    CHECK(house.error(R"({"mqt":"go","mqs":"sheduler","mqf":"hello"})").starts_with("[400.3]"));
}

TEST_CASE("a name of any length is quoted in bounds, and what is in it is escaped", "[router]")
{
    House house;
    auto const said = house.error(R"({"mqt":"call","mqs":")" + std::string(5000, 'a') + R"("})");
    CHECK(said.size() < 200);
    CHECK(house.error(R"({"mqt":"call","mqs":"a\nb"})").find('\n') == std::string::npos);
}

TEST_CASE("a long name is never quoted in the middle of a character: the reply would be no JSON", "[router]")
{
    House house;
    std::string name;
    for (int i = 0; i < 50; ++i) name += "\xC3\xBC";
    for (auto const* before : {"", "x"}) {
        CHECK(is_utf8(house.error(R"({"mqt":"call","mqs":")" + (before + name) + "\"}")));
        CHECK(is_utf8(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":")" + (before + name) + "\"}")));
    }
}

TEST_CASE("what the caller did wrong is told, what went wrong here is not", "[router]")
{
    House house;
    auto const refused = house.run(R"({"mqt":"call","mqs":"sheduler","mqf":"refuse"})");
    CHECK(refused.error_info == "[403.2] not that");
    CHECK(refused.fields == json::object{{"why", "[403.2] not that"}});
    for (auto const* method : {"break", "breaklater"}) {
        auto const said =
            house.error(R"({"mqt":"call","mqs":"sheduler","mqf":")" + std::string(method) + "\"}");
        CHECK(said.starts_with("[500.1] internal error"));
        CHECK(said.find("secret") == std::string::npos);
    }
}

TEST_CASE("once shut, everything is answered 503.1", "[router]")
{
    House house;
    house.router.shut();
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"hello"})").starts_with("[503.1]"));
}

TEST_CASE("who comes without a key gets in where the mode says so", "[gate]")
{
    House house;
    auto const* const look = R"({"mqt":"call","mqs":"sheduler","mqf":"look"})";
    auto const* const hello = R"({"mqt":"call","mqs":"sheduler","mqf":"hello"})";
    auto const* const rule = R"({"mqt":"call","mqs":"sheduler","mqf":"rule"})";
    house.gate.mode = AuthMode::open;
    CHECK(house.error(rule, house.peer("10.0.0.9")).empty());
    house.gate.mode = AuthMode::protected_;
    CHECK(house.error(rule).empty());
    CHECK(house.error(look, house.peer("::1")).empty());
    CHECK(house.error(look, house.peer("10.0.0.9")).starts_with("[401.1] look needs a key"));
    CHECK(house.error(hello, house.peer("10.0.0.9")).empty());
    house.gate.mode = AuthMode::keys;
    CHECK(house.error(look).starts_with("[401.1]"));
    CHECK(house.error(hello).empty());
}

TEST_CASE(
    "in protected, 127.0.0.1 and ::1 alone are admins, and only until an admin key has counted", "[gate]")
{
    House house;
    house.gate.mode = AuthMode::protected_;
    auto const* const rule = R"({"mqt":"call","mqs":"sheduler","mqf":"rule"})";
    for (auto const* ip : {"127.0.0.1", "::1", "::ffff:127.0.0.1"})
        CHECK(house.error(rule, house.peer(ip)).empty());
    for (auto const* ip : {"127.0.0.6", "127.1.0.1", "127.0.0.0", "127.255.255.255", "::ffff:127.0.0.6",
             "::127.0.0.1", "::2", "0.0.0.0", "::", "10.0.0.1"}) {
        INFO(ip);
        CHECK(house.error(rule, house.peer(ip)).starts_with("[401.1]"));
    }
    auto const standing = house.peer();
    CHECK(house.error(rule, standing).empty());
    house.keys.has_had_admin = true;
    CHECK(house.error(rule, standing).starts_with("[401.1]"));
    CHECK(house.error(rule, house.peer("::1")).starts_with("[401.1]"));
    house.gate.mode = AuthMode::open;
    CHECK(house.error(rule, standing).empty());
}

TEST_CASE("a key is judged wherever it comes from, and a wrong one in every mode", "[gate]")
{
    House house;
    house.gate.mode = GENERATE(AuthMode::open, AuthMode::protected_, AuthMode::keys);
    auto const with = [&](std::string const& method, std::string const& auth) {
        return house.error(
            R"({"mqt":"call","mqs":"sheduler","mqf":")" + method + R"(","auth":)" + auth + "}");
    };
    std::string const good = R"({"key":"good","token":"secret"})";
    CHECK(with("look", good).empty());
    CHECK(with("rule", good).starts_with("[401.6] key 0123456789ABCDEF has the role viewer"));
    CHECK(with("look", R"({"key":"good","token":"wrong"})").starts_with("[401.5]"));
    CHECK(with("hello", R"({"key":"good","token":"wrong"})").starts_with("[401.5]"));
    CHECK(with("look", R"({"key":"good"})").starts_with("[401.1] `auth.token`"));
    CHECK(with("look", R"({"key":5,"token":"secret"})").starts_with("[401.1] `auth.key`"));
    CHECK(with("look", "5").starts_with("[401.1] `auth` is no object"));
}

TEST_CASE("a connection that is bound to a key is judged by it as it is now", "[gate]")
{
    House house;
    house.gate.mode = AuthMode::open;
    auto const peer = house.peer();
    peer->bind_key({"good", "its token's hash"});
    auto const* const look = R"({"mqt":"call","mqs":"sheduler","mqf":"look"})";
    CHECK(house.error(look, peer).empty());
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"rule"})", peer).starts_with("[401.6]"));
    house.keys.gone = true;
    CHECK(house.error(look, peer).starts_with("[401.5]"));
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"hello"})", peer).empty());
}

TEST_CASE("without supervisor there are no keys, and one that is given is refused", "[gate]")
{
    House house;
    house.gate.mode = AuthMode::open;
    house.gate.authority = nullptr;
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"rule"})").empty());
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"rule","auth":{"key":"a","token":"b"}})")
              .starts_with("[402.1]"));
}

TEST_CASE("a wrong key in a call is noted and answered when it has waited, as a wrong login is", "[router]")
{
    House house;
    auto const frame = [](std::string_view token) {
        return R"({"mqt":"call","mqs":"sheduler","mqf":"look","auth":{"key":"good","token":")" +
               std::string(token) + R"("}})";
    };
    CHECK(house.error(frame("secret")).empty());
    CHECK(house.keys.wrong_tries == 0);
    CHECK(house.error(frame("wrong")).starts_with("[401.5]"));
    CHECK(house.keys.wrong_tries == 1);
    CHECK(house.error(R"({"mqt":"call","mqs":"sheduler","mqf":"look"})", house.peer("192.0.2.7")).empty());
    CHECK(house.keys.wrong_tries == 1);
}

TEST_CASE("a list that is cut to a key that has not everything says that it leaves out", "[router]")
{
    House house;
    auto const left_out = [&](std::string const& method, std::string const& auth) {
        auto const frame = R"({"mqt":"call","mqs":"sheduler","mqf":")" + method + "\"" + auth + "}";
        auto const said = house.run(frame).fields;
        CHECK(said.contains("said"));
        return said.contains("left_out") && said.at("left_out") == "true";
    };
    std::string const with_key = R"(,"auth":{"key":"good","token":"secret"})";
    auto const cut = [&](std::vector<std::string> ips, std::vector<std::string> apps) {
        auto key = std::make_shared<Key>(*some_key(Role::viewer, ips));
        key->apps = std::move(apps);
        house.keys.key = key;
        return std::pair(left_out("listips", with_key), left_out("listapps", with_key));
    };
    CHECK(cut({"*"}, {"*"}) == std::pair(false, false));
    CHECK(cut({"10.0.0.0/8"}, {"demo", "*"}) == std::pair(true, false));
    CHECK(cut({"10.0.0.0/8", "*"}, {"demo.*"}) == std::pair(false, true));
    CHECK_FALSE((left_out("listips", "") || left_out("listapps", "") || left_out("look", with_key)));
}
