#include "agent/enrolment.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <sys/stat.h>

#include "agent/own_key.hpp"
#include "catch.hpp"
#include "elves/secret.hpp"
#include "manual_clock.hpp"
#include "support/fake_peer.hpp"
#include "support/json_of.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::agent;

namespace {

struct Newcomer {
    TempFolder folder;
    asio::io_context io;
    ManualClock clock;
    std::shared_ptr<FakePeer> server = std::make_shared<FakePeer>(io.get_executor(), clock);
    std::string key_file = folder.file("agent.key");
    Enrolment enrolment{{key_file, folder.file("join.token"), "web-5"}};

    /// Asks once, and is answered so.
    std::optional<Credentials> ask(Back const& back)
    {
        server->answer = [back](FakePeer::Sent const&) { return back; };
        std::optional<Credentials> found;
        asio::co_spawn(io, enrolment.ask(server, Ip::parse("10.0.0.5").value()),
            [&](std::exception_ptr failure, std::optional<Credentials> own) {
                if (failure) std::rethrow_exception(failure);
                found = std::move(own);
            });
        io.restart();
        io.poll();
        return found;
    }
    [[nodiscard]] json::object const& sent() const { return server->calls.back().fields; }
};

Back status(std::string_view text)
{
    return {true, "", json_of({{"flag", "true"}, {"status", text}, {"key", "0123456789ABCDEF"}})};
}

} // namespace

TEST_CASE("a newcomer shows the hash of its token, and the token never", "[enrolment]")
{
    Newcomer agent;
    CHECK_FALSE(agent.enrolment.has_begun());
    CHECK_FALSE(agent.ask(status("pending")));
    CHECK(agent.enrolment.has_begun());
    auto const token = read_own_key(agent.key_file).value().token;
    CHECK(agent.server->calls.back().service + "." + agent.server->calls.back().method == "supervisor.join");
    CHECK(agent.sent() == json::object{{"agentip", "10.0.0.5"}, {"hash", sha256_hex(token)},
                              {"asset", "web-5"}, {"version", ELVES_VERSION}});
    CHECK_FALSE(agent.enrolment.is_refused());
}

TEST_CASE("an accepted newcomer has the key that the server says, and the token that it made", "[enrolment]")
{
    Newcomer agent;
    agent.ask(status("pending"));
    auto const token = read_own_key(agent.key_file).value().token;
    auto const own = agent.ask(status("accepted"));
    REQUIRE(own);
    CHECK(own->key == "0123456789ABCDEF");
    CHECK(own->token == token);
}

TEST_CASE("a newcomer that is rejected, or whose address is taken, has been refused until it hears else",
    "[enrolment]")
{
    Newcomer agent;
    CHECK_FALSE(agent.ask(status("rejected")));
    CHECK(agent.enrolment.is_refused());
    agent.ask(status("pending"));
    CHECK_FALSE(agent.enrolment.is_refused());
    CHECK_FALSE(agent.ask({false, "[409.1] another machine is 10.0.0.5", {}}));
    CHECK(agent.enrolment.is_refused());
    CHECK_FALSE(agent.ask({false, "[429.1] too many ask to join just now", {}}));
    CHECK_FALSE(agent.enrolment.is_refused());
}

TEST_CASE("a join token goes along from a file that is its owner's alone, and from no other", "[enrolment]")
{
    Newcomer agent;
    auto const path = agent.folder.write("join.token", "elvjoin_x\n").string();
    agent.ask(status("pending"));
    CHECK_FALSE(agent.sent().contains("join_token"));
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    agent.ask(status("pending"));
    CHECK(agent.sent().at("join_token").as_string() == "elvjoin_x");
}

TEST_CASE("an accepted newcomer knows its key after a restart, until it is told to forget it", "[enrolment]")
{
    Newcomer agent;
    CHECK_FALSE(agent.enrolment.last());
    agent.ask(status("pending"));
    CHECK_FALSE(agent.enrolment.last());
    agent.ask(status("accepted"));
    Enrolment again({agent.key_file, "", "web-5"});
    auto const known = again.last();
    REQUIRE(known);
    CHECK(known->key == "0123456789ABCDEF");
    CHECK(known->token == read_own_key(agent.key_file).value().token);
    again.forget();
    CHECK_FALSE(again.last());
}

TEST_CASE("a key file that others may use is not used", "[enrolment]")
{
    Newcomer agent;
    static_cast<void>(make_own_key(agent.key_file));
    REQUIRE(::chmod(agent.key_file.c_str(), 0644) == 0);
    CHECK_THROWS_AS(agent.ask(status("accepted")), Error);
    CHECK(agent.server->calls.empty());
}

namespace {

std::string const pin_of_server(64, 'b');

void give_token(Newcomer const& agent, std::string const& text)
{
    auto const path = agent.folder.write("join.token", text + "\n").string();
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

} // namespace

TEST_CASE(
    "a join token's fingerprint says what the server has to show, and only the rest is sent", "[enrolment]")
{
    Newcomer agent;
    CHECK(agent.enrolment.pin_for_dial().sha256.empty());
    give_token(agent, "elvjoin_x." + pin_of_server);
    auto const pin = agent.enrolment.pin_for_dial();
    CHECK(pin.sha256 == pin_of_server);
    CHECK(pin.is_of_token);
    agent.ask(status("accepted"));
    CHECK(agent.sent().at("join_token").as_string() == "elvjoin_x");
    // Once it has joined the token does not count any more, and the server is still known.
    CHECK(agent.enrolment.pin_for_dial().sha256 == pin_of_server);
    CHECK_FALSE(agent.enrolment.pin_for_dial().is_of_token);
    Enrolment again({agent.key_file, "", "web-5"});
    CHECK(again.pin_for_dial().sha256 == pin_of_server);
    CHECK(again.last());
}

TEST_CASE("a join token with a fingerprint is sent to no server that was not dialed by it", "[enrolment]")
{
    Newcomer agent;
    agent.ask(status("accepted"));
    give_token(agent, "elvjoin_x." + pin_of_server);
    CHECK(agent.enrolment.pin_for_dial().sha256.empty()); // it has a key
    auto const calls = agent.server->calls.size();
    CHECK_THROWS_AS(agent.ask(status("accepted")), Error); // which turned out to be of no use
    CHECK(agent.server->calls.size() == calls);
    CHECK(agent.enrolment.pin_for_dial().is_of_token);
    agent.ask(status("accepted"));
    CHECK(agent.sent().at("join_token").as_string() == "elvjoin_x");
    CHECK_FALSE(agent.enrolment.pin_for_dial().is_of_token);
    CHECK(read_own_key(agent.key_file)->pin == pin_of_server);
}

TEST_CASE("a malformed fingerprint in a join token is an error, never a token without one", "[enrolment]")
{
    Newcomer agent;
    for (std::string const wrong : {"b", "xyz", "not hex at all"}) {
        give_token(agent, "elvjoin_x." + wrong);
        CHECK_THROWS_AS(agent.enrolment.pin_for_dial(), Error);
        CHECK_THROWS_AS(agent.ask(status("accepted")), Error);
    }
    CHECK(agent.server->calls.empty());
}
