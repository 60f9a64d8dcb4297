#include "supervisor/joins.hpp"

#include <algorithm>

#include "catch.hpp"
#include "elves/secret.hpp"
#include "support/fake_presence.hpp"
#include "support/office.hpp"
#include "support/some_key.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

/// A machine with a token that it made for itself.
struct Machine {
    std::string ip;
    std::string token;
    std::string from;
    [[nodiscard]] std::string hash() const { return sha256_hex(token); }
    [[nodiscard]] std::string print() const { return fingerprint(hash()); }
};

Machine const web{"10.0.0.5", "elv_web", "10.0.0.5"};
Machine const thief{"10.0.0.5", "elv_thief", "10.0.0.66"};

struct Gatehouse : Office {
    FakePresence presence;
    std::unique_ptr<Module> own = make();
    ModuleDriver at{*own, loop};

    std::unique_ptr<Module> make()
    {
        host.offer<Presence>(presence);
        auto made = make_supervisor(host);
        made->start();
        return made;
    }
    [[nodiscard]] Caller from(std::string const& address)
    {
        return {std::make_shared<FakePeer>(loop.get_executor(), clock, address), nullptr};
    }
    json::object fields(Machine const& machine, std::string const& join_token)
    {
        json::object all{{"agentip", machine.ip}, {"hash", machine.hash()}, {"asset", "host-" + machine.ip},
            {"version", "0.1.0"}};
        if (!join_token.empty()) all["join_token"] = join_token;
        return all;
    }
    json::object ask(Machine const& machine, std::string const& join_token = {})
    {
        return at.call("join", fields(machine, join_token), from(machine.from));
    }
    /// `pending`, `accepted`, `rejected`, or the code of what refuses it.
    std::string answer(Machine const& machine, std::string const& join_token = {})
    {
        try {
            return std::string(ask(machine, join_token).at("status").as_string());
        } catch (Error const& error) {
            return std::string(error.code().text);
        }
    }
    json::object call(std::string_view method, json::object const& some = {})
    {
        return at.call(method, some, {peer, nullptr});
    }
    std::string refusal(std::string_view method, json::object const& some = {})
    {
        return at.refusal(method, some, {peer, nullptr});
    }
    /// `ip status`, as the list shows them.
    std::vector<std::string> shown()
    {
        std::vector<std::string> found;
        auto const reply = call("listjoins", {{"limit", 1000}});
        for (auto const& entry : reply.at("joins").as_array()) {
            found.push_back(std::string(entry.at("agentip").as_string()) + " " +
                            std::string(entry.at("status").as_string()));
        }
        return found;
    }
    std::string join_token(json::object const& some = {})
    {
        return std::string(call("addjointoken", some).at("token").as_string());
    }
    std::string accept(Machine const& machine)
    {
        auto const reply = call("acceptjoin", {{"agentip", machine.ip}, {"fingerprint", machine.print()}});
        return std::string(reply.at("key").as_string());
    }
    [[nodiscard]] std::shared_ptr<Key const> proven(std::string const& key, Machine const& machine)
    {
        try {
            return host.find<Authority>()->prove(key, machine.token, Ip::parse(machine.from).value());
        } catch (Error const&) {
            return nullptr;
        }
    }
};

using Shown = std::vector<std::string>;

} // namespace

TEST_CASE("a machine that asks to join waits, and is shown as it is", "[joins]")
{
    Gatehouse gate;
    CHECK(gate.ask(web) == json::object{{"status", "pending"}});
    gate.pass(10s);
    CHECK(gate.ask(web) == json::object{{"status", "pending"}});
    CHECK(gate.call("listjoins") ==
          json::object{
              {"joins", {{{"agentip", "10.0.0.5"}, {"fingerprint", web.print()}, {"status", "pending"},
                            {"asset", "host-10.0.0.5"}, {"version", "0.1.0"}, {"from", "10.0.0.5"},
                            {"first_time", "2026-01-01 00:00:00"}, {"last_time", "2026-01-01 00:00:10"}}}}});
    CHECK(gate.call("listkeys").at("keys").as_array().empty());
}

TEST_CASE(
    "an accepted machine has a key of its own, bound to its address, that its own token proves", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    auto const reply = gate.call("acceptjoin", {{"agentip", "10.0.0.5"}});
    std::string const key(reply.at("key").as_string());
    CHECK(reply == json::object{{"agentip", "10.0.0.5"}, {"fingerprint", web.print()}, {"key", key},
                       {"replaced", json::array()}});
    CHECK(gate.ask(web) == json::object{{"status", "accepted"}, {"key", key}});
    auto const proven = gate.proven(key, web);
    REQUIRE(proven);
    CHECK(proven->role == Role::agent);
    CHECK(proven->name == "host-10.0.0.5");
    CHECK(proven->apps == std::vector<std::string>{"*"});
    CHECK(proven->may_touch(Ip::parse("10.0.0.5").value()));
    CHECK_FALSE(proven->may_touch(Ip::parse("10.0.0.6").value()));
    CHECK_FALSE(gate.proven(key, thief));
    CHECK(gate.shown().empty());
}

TEST_CASE("who was accepted, waits or was rejected is that after a restart, too", "[joins]")
{
    Gatehouse gate;
    Machine const waits{"10.0.0.6", "elv_six", "10.0.0.6"};
    Machine const gone{"10.0.0.7", "elv_seven", "10.0.0.7"};
    for (auto const& machine : {web, waits, gone}) gate.ask(machine);
    auto const key = gate.accept(web);
    gate.call("rejectjoin", {{"agentip", "10.0.0.7"}});
    auto const again = gate.make();
    ModuleDriver driver(*again, gate.loop);
    auto const status = [&](Machine const& machine) {
        return driver.call("join", gate.fields(machine, {}), gate.from(machine.from))
            .at("status")
            .as_string();
    };
    CHECK(status(web) == "accepted");
    CHECK(status(waits) == "pending");
    CHECK(status(gone) == "rejected");
    CHECK(gate.proven(key, web));
}

TEST_CASE("a machine whose key can't be read is told that it is rejected", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    gate.accept(web);
    gate.store.db().script("UPDATE access_key SET apps = '[' WHERE role = 'agent'");
    auto const again = gate.make();
    ModuleDriver driver(*again, gate.loop);
    auto const reply = driver.call("join", gate.fields(web, {}), gate.from(web.from));
    CHECK(reply.at("status") == "rejected");
    CHECK_FALSE(reply.contains("key"));
}

TEST_CASE("a rejected machine is told so, and only an admin lets it in after all", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    CHECK(gate.call("rejectjoin", {{"agentip", "10.0.0.5"}}) == json::object{{"rejected", "1"}});
    CHECK(gate.answer(web) == "rejected");
    CHECK(gate.answer(web, gate.join_token()) == "rejected");
    CHECK(gate.shown() == Shown{"10.0.0.5 rejected"});
    CHECK(gate.call("rejectjoin", {{"agentip", "10.0.0.5"}}) == json::object{{"rejected", "1"}});
    CHECK(gate.refusal("rejectjoin", {{"agentip", "10.0.0.99"}}).starts_with("[413.3]"));
    CHECK(gate.refusal("acceptjoin", {{"agentip", "10.0.0.5"}}).starts_with("[413.3]"));
    gate.accept(web);
    CHECK(gate.answer(web) == "accepted");
}

TEST_CASE("of two machines that ask as one address the one that is named is accepted", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    gate.ask(thief);
    auto const unclear = gate.refusal("acceptjoin", {{"agentip", "10.0.0.5"}});
    CHECK(unclear.starts_with("[403.10] `fingerprint`"));
    CHECK(unclear.find(web.print()) != std::string::npos);
    CHECK(unclear.find(thief.print()) != std::string::npos);
    CHECK(gate.refusal("acceptjoin", {{"agentip", "10.0.0.5"}, {"fingerprint", "3f2a-91c0"}})
              .starts_with("[413.3]"));
    gate.accept(web);
    CHECK(gate.answer(web) == "accepted");
    CHECK(gate.shown() == Shown{"10.0.0.5 conflict"});
}

TEST_CASE("a second machine of an address is refused and shown, and swapped in on purpose only", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    auto const key = gate.accept(web);
    CHECK(gate.answer(thief) == "409.1");
    CHECK(gate.answer(thief, gate.join_token()) == "409.1");
    CHECK(gate.shown() == Shown{"10.0.0.5 conflict"});
    json::object named{{"agentip", "10.0.0.5"}};
    CHECK(gate.refusal("acceptjoin", named).starts_with("[409.1]"));
    named["replace"] = true;
    CHECK(gate.refusal("acceptjoin", named).starts_with("[409.1]"));
    CHECK(gate.proven(key, web));
    CHECK(gate.presence.cut.empty());
    named["fingerprint"] = thief.print();
    auto const reply = gate.call("acceptjoin", named);
    CHECK(reply.at("replaced") == json::array{key});
    CHECK(gate.presence.cut == std::vector<std::string>{key});
    CHECK_FALSE(gate.proven(key, web));
    CHECK(gate.proven(std::string(reply.at("key").as_string()), thief));
    CHECK(gate.answer(web) == "409.1");
}

TEST_CASE("a key that was made by hand for one address holds it, one for many doesn't", "[joins]")
{
    Gatehouse gate;
    gate.call("setkey", {{"role", "agent"}, {"iplist", {"10.0.0.0/24"}}});
    gate.call("setkey", {{"role", "viewer"}, {"iplist", {"10.0.0.5"}}});
    CHECK(gate.answer(web) == "pending");
    gate.call("setkey", {{"role", "agent"}, {"iplist", {"10.0.0.5"}}});
    gate.call("setkey", {{"role", "agent"}, {"iplist", {"10.0.0.5"}}, {"enabled", false}});
    CHECK(gate.answer(web) == "409.1");
    auto const reply =
        gate.call("acceptjoin", {{"agentip", "10.0.0.5"}, {"fingerprint", web.print()}, {"replace", true}});
    CHECK(reply.at("replaced").as_array().size() == 2);
    CHECK(gate.answer(web) == "accepted");
}

TEST_CASE(
    "no token makes another machine of an agent that is online by a certificate or a key for many", "[joins]")
{
    Gatehouse gate;
    auto const token = gate.join_token();
    gate.presence.come(Ip::parse("10.0.0.5").value(), gate.from("10.0.0.5").peer, "certificate:web-5");
    auto const told = gate.ask(thief, token);
    CHECK(told.at("status") == "pending");
    CHECK(told.at("why") == "an agent of that address is online");
    CHECK(gate.shown() == Shown{"10.0.0.5 conflict"});
    json::object named{{"agentip", "10.0.0.5"}, {"fingerprint", thief.print()}};
    CHECK(gate.refusal("acceptjoin", named).starts_with("[409.1]"));
    named["replace"] = true;
    gate.call("acceptjoin", named);
    CHECK(gate.answer(thief) == "accepted");

    CHECK(gate.answer({"10.0.0.6", "elv_other", "10.0.0.6"}, token) == "accepted");
}

TEST_CASE("an agent that is online without a key holds its address against nobody", "[joins]")
{
    Gatehouse gate;
    gate.presence.come(Ip::parse("10.0.0.5").value(), gate.from("10.0.0.5").peer);
    CHECK(gate.answer(web) == "pending");
}

TEST_CASE("the machine that is an agent on that very connection is no second one", "[joins]")
{
    Gatehouse gate;
    auto const caller = gate.from("10.0.0.5");
    gate.presence.come(Ip::parse("10.0.0.5").value(), caller.peer, "certificate:web-5");
    auto const reply = gate.at.call("join", gate.fields(web, gate.join_token()), caller);
    CHECK(reply.at("status") == "accepted");
}

TEST_CASE(
    "a machine whose key is deleted is let in by no token, nor is another one of its address", "[joins]")
{
    Gatehouse gate;
    auto const token = gate.join_token({{"cidr", "10.0.0.0/24"}});
    std::string const key(gate.ask(web, token).at("key").as_string());
    gate.call("delkey", {{"key", key}});
    CHECK(gate.answer(web, token) == "rejected");
    auto const other = gate.ask(thief, token);
    CHECK(other.at("status").as_string() == "pending");
    CHECK(other.at("why").as_string().find("an admin") != std::string::npos);
    CHECK(gate.shown() == Shown{"10.0.0.5 rejected", "10.0.0.5 pending"});
    gate.accept(web);
    CHECK(gate.answer(web) == "accepted");
}

TEST_CASE("a disabled key keeps its machine out and its address taken", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    auto const key = gate.accept(web);
    gate.call("setkey", {{"key", key}, {"enabled", false}});
    CHECK(gate.answer(web) == "rejected");
    CHECK(gate.answer(thief, gate.join_token()) == "409.1");
    gate.call("setkey", {{"key", key}, {"enabled", true}});
    CHECK(gate.answer(web) == "accepted");
}

TEST_CASE("while a key is rotated its machine is still known by the token it has", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    auto const key = gate.accept(web);
    gate.call("setkey", {{"key", key}, {"rotate", true}, {"overlap", 60}});
    CHECK(gate.answer(web) == "accepted");
    gate.pass(60s);
    CHECK(gate.answer(web) == "409.1");
}

// ---- join tokens ----
TEST_CASE("a join token is shown this once, and only its hash is stored", "[joins]")
{
    Gatehouse gate;
    auto const token = gate.join_token({{"name", "rack 7"}, {"cidr", "10.0.0.7/24"}});
    CHECK(token.starts_with("elvjoin_"));
    CHECK(token.size() == 8 + 43);
    auto const listed = gate.call("listjointokens");
    auto const& entry = listed.at("tokens").as_array().at(0).as_object();
    CHECK(entry.at("name").as_string() == "rack 7");
    CHECK(entry.at("cidr").as_string() == "10.0.0.0/24");
    CHECK(entry.at("expires").as_string() == "2026-01-02 00:00:00");
    CHECK(entry.at("used_time").as_string().empty());
    CHECK(json::serialize(listed).find(token) == std::string::npos);
    auto row = gate.store.db().run("SELECT token_hash FROM join_token");
    REQUIRE(row.next());
    CHECK(row.text(0) == sha256_hex(token));
}

TEST_CASE("a token for one machine lets in one machine", "[joins]")
{
    Gatehouse gate;
    Machine const second{"10.0.0.6", "elv_six", "10.0.0.6"};
    auto const token = gate.join_token();
    // Both at once: neither has been answered when the other one asks.
    std::vector<std::string> answers;
    for (auto const& machine : {web, second}) {
        auto call = gate.at.table.find("join")->run(
            json_of(gate.fields(machine, token)).root(), gate.from(machine.from));
        asio::co_spawn(gate.loop, reply_of(std::move(call)), [&](std::exception_ptr, Reply reply) {
            answers.emplace_back(reply.fields().at("status").as_string());
        });
    }
    gate.at.run();
    std::sort(answers.begin(), answers.end());
    CHECK(answers == std::vector<std::string>{"accepted", "pending"});
    auto const again = gate.ask(second, token);
    CHECK(again.at("why").as_string() == "the join token is used up");
    CHECK(gate.answer(web, token) == "accepted");
    auto const tokens = gate.call("listjointokens");
    CHECK(tokens.at("tokens").as_array().at(0).at("used_ip").as_string() == "10.0.0.5");
    CHECK(gate.call("listkeys").at("keys").as_array().size() == 1);
}

TEST_CASE("a token that the disk doesn't take as used lets nobody in", "[joins]")
{
    Gatehouse gate;
    auto const token = gate.join_token();
    gate.store.fail_next();
    CHECK(gate.answer(web, token) == "507.1");
    CHECK(gate.call("listkeys").at("keys").as_array().empty());
    CHECK(gate.answer(web, token) == "accepted");
}

TEST_CASE("a token of a range lets in what is in it and asks from there", "[joins]")
{
    Gatehouse gate;
    auto const token = gate.join_token({{"cidr", "10.0.0.0/24"}});
    CHECK(gate.answer({"10.0.0.5", "elv_1", "10.0.0.5"}, token) == "accepted");
    CHECK(gate.answer({"10.0.0.6", "elv_2", "10.0.0.200"}, token) == "accepted");
    CHECK(gate.answer({"10.0.1.5", "elv_3", "10.0.0.5"}, token) == "pending");
    CHECK(gate.answer({"10.0.0.7", "elv_4", "10.0.1.7"}, token) == "pending");
    auto const why = gate.ask({"10.0.0.7", "elv_4", "10.0.1.7"}, token).at("why");
    CHECK(why.as_string() == "the join token is for 10.0.0.0/24, and this is 10.0.0.7 asking from 10.0.1.7");
}

TEST_CASE("a token that is unknown, deleted or expired lets nobody in", "[joins]")
{
    Gatehouse gate;
    auto const waits = [&](std::string const& token) {
        auto const reply = gate.ask(web, token);
        return reply.at("status").as_string() == "pending" && reply.contains("why");
    };
    CHECK(waits("elvjoin_guessed"));
    auto const reply = gate.call("addjointoken");
    std::string const token(reply.at("token").as_string());
    CHECK(waits(sha256_hex(token)));
    gate.call("deljointoken", {{"id", reply.at("id")}});
    CHECK(waits(token));
    CHECK(gate.refusal("deljointoken", {{"id", reply.at("id")}}).starts_with("[413.3]"));
    auto const brief = gate.join_token({{"lifetime", 60}});
    gate.pass(60s);
    CHECK(waits(brief));
    CHECK(gate.call("listkeys").at("keys").as_array().empty());
}

TEST_CASE("no join token lives for longer than a rejected machine is remembered", "[joins]")
{
    CHECK(JoinRecords::longest_token_life < JoinRecords::rejected_memory);
}

// ---- many ----
TEST_CASE("so many may ask from one address in a minute, and others all the same", "[joins]")
{
    Gatehouse gate;
    int refused = 0;
    for (int n = 0; n < 200; ++n) {
        Machine const machine{"10.1.0." + std::to_string(n), "elv_" + std::to_string(n), "192.0.2.66"};
        if (gate.answer(machine) == "429.1") ++refused;
    }
    CHECK(refused == 140);
    CHECK(gate.answer(web) == "pending");
    gate.pass(60s);
    CHECK(gate.answer({"10.1.1.1", "elv_late", "192.0.2.66"}) == "pending");
}

TEST_CASE("so many wait from one address, and nobody who waits is pushed out", "[joins]")
{
    Gatehouse gate;
    gate.ask(web);
    for (int n = 0; n < 200; ++n) {
        if (n % 60 == 0) gate.pass(60s);
        static_cast<void>(
            gate.answer({"10.1.0." + std::to_string(n), "elv_" + std::to_string(n), "192.0.2.66"}));
    }
    gate.pass(60s);
    auto const shown = gate.shown();
    CHECK(shown.size() == 101);
    CHECK(shown.front() == "10.0.0.5 pending");
    CHECK(gate.answer({"10.1.0.0", "elv_0", "192.0.2.66"}) == "pending");
    CHECK(gate.answer({"10.1.0.250", "elv_250", "192.0.2.66"}) == "429.1");
    auto const token = gate.join_token();
    CHECK(gate.answer({"10.1.0.250", "elv_250", "192.0.2.66"}, token) == "accepted");
}

TEST_CASE("so many wait that say they are one address, and who asks from there waits all the same", "[joins]")
{
    Gatehouse gate;
    auto const claims = [](int n) {
        return Machine{"10.0.0.5", "elv_" + std::to_string(n), "192.0.2." + std::to_string(n)};
    };
    for (int n = 0; n < 16; ++n) CHECK(gate.answer(claims(n)) == "pending");
    CHECK(gate.answer(claims(16)) == "429.1");
    CHECK(gate.at.refusal("join", gate.fields(claims(16), {}), gate.from("192.0.2.16"))
              .find("16 machines that say they are 10.0.0.5 wait") != std::string::npos);
    CHECK(gate.answer(claims(0)) == "pending");
    CHECK(gate.answer({"10.0.0.6", "elv_six", "192.0.2.16"}) == "pending");
    CHECK(gate.answer(web) == "pending");
    CHECK(gate.shown().size() == 18);
    gate.call("rejectjoin", {{"agentip", "10.0.0.5"}});
    CHECK(gate.answer(claims(16)) == "pending");
    gate.pass(61min);
    for (int n = 17; n < 33; ++n) CHECK(gate.answer(claims(n)) == "pending");
    CHECK(gate.answer(claims(33)) == "429.1");
}

TEST_CASE("so many wait in all", "[joins]")
{
    Gatehouse gate;
    auto const now = gate.clock.now();
    JoinRecords const records(gate.store.db());
    auto const wait = [&](int asker, int n) {
        auto const from = Ip::parse("192.0.2." + std::to_string(asker)).value();
        JoinAsk const ask{from, sha256_hex(std::to_string(asker) + "." + std::to_string(n)), "", "", from};
        records.wait(ask, records.find(ask.ip, ask.hash), now);
    };
    for (int asker = 0; asker < 50; ++asker) {
        for (int n = 0; n < 100; ++n) wait(asker, n);
    }
    CHECK(code_of([&] { wait(50, 0); }) == "429.1");
    CHECK(code_of([&] { wait(0, 0); }).empty());
    auto const page = gate.call("listjoins", {{"limit", 1000}});
    CHECK(page.at("joins").as_array().size() == 1000);
    CHECK(page.at("next").as_string() == "1000");
}

TEST_CASE("who asks no more is forgotten after an hour, and who was rejected after a month", "[joins]")
{
    Gatehouse gate;
    Machine const gone{"10.0.0.7", "elv_seven", "10.0.0.7"};
    gate.ask(gone);
    gate.call("rejectjoin", {{"agentip", "10.0.0.7"}});
    gate.ask(web);
    gate.pass(61min);
    gate.ask({"10.0.0.8", "elv_eight", "10.0.0.8"});
    CHECK(gate.shown() == Shown{"10.0.0.7 rejected", "10.0.0.8 pending"});
    gate.pass(31 * 24h);
    gate.ask({"10.0.0.9", "elv_nine", "10.0.0.9"});
    CHECK(gate.shown() == Shown{"10.0.0.9 pending"});
}

TEST_CASE("requests to join come in pages that miss none, cut to the admin's addresses", "[joins]")
{
    Gatehouse gate;
    for (int n = 1; n <= 5; ++n) {
        auto const ip = "10.0.0." + std::to_string(n);
        gate.ask({ip, "elv_" + ip, ip});
    }
    auto const key = some_key(Role::admin, {"10.0.0.2", "10.0.0.5"});
    Shown found;
    json::object fields{{"limit", 2}};
    while (true) {
        auto const page = gate.at.call("listjoins", fields, {gate.peer, key});
        for (auto const& entry : page.at("joins").as_array())
            found.emplace_back(entry.at("agentip").as_string());
        if (!page.contains("next")) break;
        fields["after"] = page.at("next");
    }
    CHECK(found == Shown{"10.0.0.2", "10.0.0.5"});
}

TEST_CASE("wrong input to join is refused with the field's name", "[joins]")
{
    Gatehouse gate;
    struct Wrong {
        std::string_view method;
        json::object fields;
        std::string_view code;
        std::string_view field;
    };
    json::object const ask = gate.fields(web, {});
    auto const with = [&](std::string_view field, json::value const& value) {
        auto fields = ask;
        fields[field] = value;
        return fields;
    };
    std::vector<Wrong> const all{
        {"join", with("agentip", "10.0.0"), "[403.1]", "agentip"},
        {"join", with("hash", "abc"), "[403.10]", "hash"},
        {"join", with("hash", json::value(std::string(64, 'A'))), "[403.10]", "hash"},
        {"join", with("hash", json::value(std::string(65, 'a'))), "[403.10]", "hash"},
        {"join", with("hash", nullptr), "[403.10]", "hash"},
        {"join", with("asset", json::value(std::string(257, 'x'))), "[403.10]", "asset"},
        {"join", with("version", json::value(std::string(257, 'x'))), "[403.10]", "version"},
        {"join", with("join_token", 5), "[401.1]", "join_token"},
        {"acceptjoin", {}, "[403.1]", "agentip"},
        {"rejectjoin", {}, "[403.1]", "agentip"},
        {"addjointoken", {{"cidr", "*"}}, "[403.10]", "cidr"},
        {"addjointoken", {{"cidr", "10.0.0.0/33"}}, "[403.10]", "cidr"},
        {"addjointoken", {{"lifetime", 59}}, "[403.10]", "lifetime"},
        {"addjointoken", {{"lifetime", 2'592'001}}, "[403.10]", "lifetime"},
        {"addjointoken", {{"name", std::string(257, 'x')}}, "[403.10]", "name"},
        {"deljointoken", {{"id", "x"}}, "[403.9]", "id"},
        {"listjoins", {{"limit", 0}}, "[403.10]", "limit"},
        {"listjoins", {{"after", -1}}, "[403.10]", "after"},
    };
    for (auto const& wrong : all) {
        auto const text = gate.refusal(wrong.method, wrong.fields);
        INFO(wrong.method << " " << json::serialize(wrong.fields) << ": " << text);
        CHECK(text.starts_with(wrong.code));
        CHECK(text.find("`" + std::string(wrong.field)) != std::string::npos);
    }
    CHECK(gate.shown().empty());
}

TEST_CASE("each method of joining asks for its right", "[joins]")
{
    Gatehouse gate;
    auto const right = [&](std::string_view method) { return gate.at.table.find(method)->right; };
    CHECK(right("join") == Right::open);
    for (auto const* method :
        {"listjoins", "acceptjoin", "rejectjoin", "addjointoken", "listjointokens", "deljointoken"})
        CHECK(right(method) == Right::manage);
}

TEST_CASE("a join token carries the fingerprint of the server's certificate, and counts with and without it",
    "[joins]")
{
    struct Identity final : ServerIdentity {
        [[nodiscard]] std::string certificate_fingerprint() const override { return print; }
        std::string print = std::string(64, 'a');
    };
    Identity identity;
    Gatehouse gate;
    gate.host.offer<ServerIdentity>(identity);
    gate.own = gate.make();
    ModuleDriver tls(*gate.own, gate.loop);
    auto const made = tls.call("addjointoken", {}, gate.from("192.0.2.7"));
    auto const token = JoinTokenText::parse(made.at("token").as_string());
    CHECK(token.secret.starts_with("elvjoin_"));
    CHECK(token.pin == identity.print);
    CHECK(made.at("pin").as_string() == identity.print);
    // An agent that knows nothing of it sends the whole text.
    auto const reply = tls.call("join", gate.fields(web, token.text()), gate.from(web.from));
    CHECK(reply.at("status").as_string() == "accepted");
    // A new certificate after a SIGHUP; none.
    identity.print = std::string(64, 'b');
    CHECK(tls.call("addjointoken", {}, gate.from("192.0.2.7")).at("pin").as_string() == identity.print);
    identity.print.clear();
    auto const plain = tls.call("addjointoken", {}, gate.from("192.0.2.7"));
    CHECK_FALSE(plain.contains("pin"));
    CHECK(plain.at("token").as_string().find('.') == json::string::npos);
}

TEST_CASE("how many may ask to join, and wait, is a setting", "[joins]")
{
    Gatehouse gate;
    auto const configure = [&](std::string const& text) {
        auto const settings = Settings::parse("[supervisor]\n" + text, "elves.conf");
        gate.own->configure(settings.section("supervisor"));
    };
    auto const machine = [](int n, std::string const& from = {}) {
        auto const ip = "10.2.0." + std::to_string(n);
        return Machine{ip, "elv_" + std::to_string(n), from.empty() ? ip : from};
    };
    configure("join_waiting = 2");
    CHECK(gate.answer(machine(1)) == "pending");
    CHECK(gate.answer(machine(2)) == "pending");
    CHECK(gate.answer(machine(3)) == "429.1");
    CHECK(gate.answer(machine(2)) == "pending"); // Who waits already goes on waiting.
    configure("join_waiting_from_one = 1\njoin_waiting_as_one = 1");
    CHECK(gate.answer(machine(4, "10.9.0.1")) == "pending");
    CHECK(gate.answer(machine(5, "10.9.0.1")) == "429.1");
    CHECK(gate.answer({"10.2.0.4", "elv_another", "10.9.0.2"}) == "429.1");
    configure("join_rate = 1\njoin_rate_all = 2");
    CHECK(gate.answer(machine(6)) == "pending");
    CHECK(gate.answer(machine(6)) == "429.1");
    CHECK(gate.answer(machine(7)) == "pending");
    CHECK(gate.answer(machine(8)) == "429.1");
    CHECK_THROWS_AS(configure("join_rate = 10\njoin_rate_all = 5"), SettingsError);
}
