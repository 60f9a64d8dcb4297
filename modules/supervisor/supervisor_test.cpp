#include "supervisor/supervisor.hpp"

#include "catch.hpp"
#include "supervisor/supervisor_fields.hpp"
#include "support/office.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

using Names = std::vector<std::string>;

} // namespace

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

TEST_CASE("of a secret that is longer than any, no more is held while its answer waits", "[supervisor]")
{
    std::string const longest(256, 'x');
    auto const flood = JsonDocument::string(std::string(1'000'000, 'x'));
    CHECK(FieldType<ShownSecret>::read("token", flood.root()).text == longest);
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
