#include "http/sessions.hpp"

#include "catch.hpp"
#include "http/credentials.hpp"
#include "http/status.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;
using http::Grant;
using http::Sessions;

namespace {

Grant of(std::string key)
{
    Grant grant;
    grant.key.key = std::move(key);
    return grant;
}

} // namespace

TEST_CASE("a session is found by its secret alone, until it is ended", "[http]")
{
    ManualClock clock;
    Sessions sessions(clock);
    auto const secret = sessions.begin(of("A"));
    auto const other = sessions.begin(of("B"));
    CHECK(secret != other);
    CHECK(secret.size() >= 43);
    REQUIRE(sessions.find(secret));
    CHECK(sessions.find(secret)->grant.key.key == "A");
    CHECK(sessions.find(other)->grant.key.key == "B");
    CHECK_FALSE(sessions.find(""));
    CHECK_FALSE(sessions.find(secret + "x"));
    sessions.end(secret);
    CHECK_FALSE(sessions.find(secret));
    CHECK(sessions.find(other));
}

TEST_CASE("a session ends after half an hour without a request, and after twelve hours", "[http]")
{
    ManualClock clock;
    Sessions sessions(clock);
    auto const idle = sessions.begin(of("A"));
    auto const busy = sessions.begin(of("B"));
    clock.advance(29min);
    CHECK(sessions.find(busy));
    clock.advance(1min);
    CHECK_FALSE(sessions.find(idle));
    for (int i = 0; i < 46; ++i) {
        CHECK(sessions.find(busy));
        clock.advance(15min);
    }
    CHECK_FALSE(sessions.find(busy));
    CHECK(sessions.count() == 0);
}

TEST_CASE("what a page does by itself keeps no session alive", "[http]")
{
    ManualClock clock;
    Sessions sessions(clock);
    auto const secret = sessions.begin(of("A"));
    for (int i = 0; i < 29; ++i) {
        clock.advance(1min);
        CHECK(sessions.look_at(secret));
    }
    clock.advance(1min);
    CHECK_FALSE(sessions.look_at(secret));
    CHECK_FALSE(sessions.look_at(""));
}

TEST_CASE("with one session too many the one that was idle longest ends", "[http]")
{
    ManualClock clock;
    Sessions sessions(clock);
    auto const first = sessions.begin(of("A"));
    clock.advance(1s);
    auto const second = sessions.begin(of("B"));
    clock.advance(1s);
    CHECK(sessions.find(first));
    for (std::size_t i = 0; i < Sessions::most - 1; ++i) static_cast<void>(sessions.begin(of("C")));
    CHECK(sessions.count() == Sessions::most);
    CHECK(sessions.find(first));
    CHECK_FALSE(sessions.find(second));
}

TEST_CASE("a code begins one session, within a minute", "[http]")
{
    ManualClock clock;
    Sessions sessions(clock);
    auto const code = sessions.new_code(of("A"));
    auto const late = sessions.new_code(of("A"));
    clock.advance(59s);
    auto const grant = sessions.redeem(code);
    REQUIRE(grant);
    CHECK(grant->key.key == "A");
    CHECK_FALSE(sessions.redeem(code));
    clock.advance(1s);
    CHECK_FALSE(sessions.redeem(late));
    CHECK_FALSE(sessions.redeem(""));
}

TEST_CASE("key and token are read from Basic and Bearer", "[http]")
{
    using http::credentials_of;
    for (auto const* text : {"Bearer A:t:x", "bearer A:t:x", "BEARER   A:t:x", "Basic QTp0Ong="}) {
        CAPTURE(text);
        auto const shown = credentials_of(text);
        REQUIRE(shown);
        CHECK(shown->key == "A");
        CHECK(shown->token == "t:x");
    }
    for (auto const* text : {"", "Bearer", "Bearer ", "Bearer A", "Bearer :t", "Bearer A:", "BearerA:t",
             "Basic A:t", "Digest A:t", "Basic OnQ="}) {
        CAPTURE(text);
        CHECK_FALSE(credentials_of(text));
    }
}

TEST_CASE("a cookie is found among others", "[http]")
{
    using http::cookie_of;
    CHECK(cookie_of("a=1; s=2;t=3", "s") == "2");
    CHECK(cookie_of("a=1; s=2;t=3", "t") == "3");
    CHECK(cookie_of("ss=1; xs=4", "s").empty());
    CHECK(cookie_of("s", "s").empty());
    CHECK(cookie_of(";;  ;s=", "s").empty());
    CHECK(cookie_of("", "s").empty());
}

TEST_CASE("a refusal's code becomes the status that docs/http.md names", "[http]")
{
    struct Row {
        char const* code;
        int status;
    };
    for (auto const& [code, status] : {Row{"", 200}, Row{"400.1", 400}, Row{"401.1", 401}, Row{"401.5", 401},
             Row{"401.6", 403}, Row{"402.1", 404}, Row{"403.1", 400}, Row{"403.10", 400}, Row{"404.2", 404},
             Row{"409.3", 409}, Row{"410.1", 409}, Row{"411.1", 404}, Row{"417.2", 404}, Row{"423.1", 423},
             Row{"429.1", 429}, Row{"500.1", 500}, Row{"503.1", 503}, Row{"507.1", 507}}) {
        CAPTURE(code);
        CHECK(http::status_of(code) == status);
    }
}
