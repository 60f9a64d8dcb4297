#include "http/same_site.hpp"

#include "catch.hpp"

using namespace elves;
using http::Headers;
using http::Request;
using http::SameSite;

namespace {

bool is_let_in(SameSite const& site, Headers headers, bool is_tls = false)
{
    Request request;
    request.headers = std::move(headers);
    request.is_tls = is_tls;
    return !site.fault(request);
}

} // namespace

TEST_CASE("a request is let in by a name that this server has, with any port", "[http]")
{
    SameSite const site({"Elves.Example.org", "*.fleet.example.org"});
    for (auto const* host : {"localhost", "LOCALHOST:7789", "127.0.0.1", "127.0.0.1:7789", "[::1]:7789",
             "[::1]", "elves.example.org:443", "elves.example.org.", "a.fleet.example.org"}) {
        CAPTURE(host);
        CHECK(is_let_in(site, {{"host", host}}));
    }
}

TEST_CASE("a name that somebody else lets point here is refused, and so is no name", "[http]")
{
    SameSite const site({"*.fleet.example.org"});
    for (auto const* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
             "127.0.0.2", "fleet.example.org", "a.b.fleet.example.org", ".fleet.example.org", "localhost:1:2",
             "[::1", "localhost@evil.example", "localhost/", " localhost"}) {
        CAPTURE(host);
        CHECK_FALSE(is_let_in(site, {{"host", host}}));
    }
    CHECK_FALSE(is_let_in(site, {}));
}

TEST_CASE("a request that a page of another site makes is refused", "[http]")
{
    SameSite const site({});
    Headers const own{{"host", "localhost:7789"}};
    auto const with = [&](std::string const& name, std::string const& value) {
        auto headers = own;
        headers.emplace_back(name, value);
        return headers;
    };
    for (auto const* value : {"cross-site", "same-site", "anything"})
        CHECK_FALSE(is_let_in(site, with("sec-fetch-site", value)));
    for (auto const* value : {"same-origin", "none"}) CHECK(is_let_in(site, with("sec-fetch-site", value)));
    for (auto const* value : {"null", "http://evil.example", "http://localhost", "http://localhost:7788",
             "https://localhost:7789", "http://localhost:7789.evil.example"}) {
        CAPTURE(value);
        CHECK_FALSE(is_let_in(site, with("origin", value)));
    }
    CHECK(is_let_in(site, with("origin", "http://localhost:7789")));
    CHECK(is_let_in(site, with("origin", "https://localhost:7789"), true));
}

TEST_CASE("a query's values are decoded, and what is none is left out", "[http]")
{
    using http::query_values;
    CHECK(query_values("/events?since=4&topic=run%3AA1&topic=now", "topic") ==
          std::vector<std::string>{"run:A1", "now"});
    CHECK(query_values("/events?a+b=c+d", "a b") == std::vector<std::string>{"c d"});
    CHECK(query_values("/events?topic=%4&topic=%&topic=%zz", "topic") ==
          std::vector<std::string>{"%4", "%", "%zz"});
    CHECK(query_values("/events?topic&&=&topic=", "topic") == std::vector<std::string>{""});
    CHECK(query_values("/events", "topic").empty());
}
