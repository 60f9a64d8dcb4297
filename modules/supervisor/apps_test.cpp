#include "supervisor/supervisor.hpp"

#include "catch.hpp"
#include "support/office.hpp"
#include "support/some_key.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

using Names = std::vector<std::string>;

} // namespace

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
