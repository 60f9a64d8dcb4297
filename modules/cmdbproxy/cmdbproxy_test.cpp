#include "cmdbproxy/cmdbproxy.hpp"

#include <algorithm>

#include "catch.hpp"
#include "elves/host.hpp"
#include "support/inline_store.hpp"
#include "support/module_driver.hpp"
#include "support/some_key.hpp"
#include "unit/manual_clock.hpp"

namespace elves {
std::unique_ptr<Module> make_cmdbproxy(Host& host);
}

using namespace elves;

namespace {

json::object record(std::string const& agent, std::string const& sn)
{
    return {{"agentip", agent}, {"sn", sn}, {"iplist", "10.0.0.1,192.168.0.1"}, {"idc", "north"},
        {"main_cat", "game"}, {"sub_cat", "login"}, {"app_info", "v1"}, {"manager", "ann"}};
}

struct InventoryHouse {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    Host host{loop.get_executor(), clock, store, Zone()};
    std::unique_ptr<Module> module = make_cmdbproxy(host);
    ModuleDriver driver{*module, loop};

    InventoryHouse() { module->start(); }
    json::object call(std::string_view method, json::object const& fields, Caller caller = {})
    {
        return driver.call(method, fields, std::move(caller));
    }
    std::string refusal(std::string_view method, json::object const& fields, Caller caller = {})
    {
        return driver.refusal(method, fields, std::move(caller));
    }
    std::vector<std::string> listed(json::object const& fields = {}, Caller caller = {})
    {
        std::vector<std::string> agents;
        auto const reply = call("listcmdbinfo", fields, std::move(caller));
        for (auto const& entry : reply.at("info").as_array()) {
            agents.emplace_back(entry.as_object().at("agentip").as_string());
        }
        return agents;
    }
};

} // namespace

TEST_CASE("an inventory record comes back as it was given", "[cmdbproxy]")
{
    InventoryHouse house;
    CHECK(house.call("setcmdbinfo", record("10.0.0.1", "s1")).empty());
    auto expected = record("10.0.0.1", "s1");
    expected.erase("agentip");
    CHECK(house.call("getcmdbinfobyip", {{"agentip", "10.0.0.1"}}) == expected);
}

TEST_CASE(
    "a set inventory record replaces the whole one before, and belongs to the normalised IP", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("::0:1", "s1"));
    house.call("setcmdbinfo", {{"agentip", "0::1"}, {"idc", "south"}, {"sn", ""}});
    auto const found = house.call("getcmdbinfobyip", {{"agentip", "::1"}});
    CHECK(found == json::object{{"sn", ""}, {"iplist", ""}, {"idc", "south"}, {"main_cat", ""},
                       {"sub_cat", ""}, {"app_info", ""}, {"manager", ""}});
    CHECK(house.listed() == std::vector<std::string>{"::1"});
}

TEST_CASE("a machine without an inventory record is said so by its IP", "[cmdbproxy]")
{
    InventoryHouse house;
    CHECK(house.refusal("getcmdbinfobyip", {{"agentip", "10.0.0.9"}}) ==
          "[415.1] no inventory record for 10.0.0.9");
}

TEST_CASE("records of a list come in its order, doubles and missing ones too", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("10.0.0.1", "s1"));
    house.call("setcmdbinfo", record("10.0.0.3", "s3"));
    auto const reply = house.call(
        "getcmdbinfobyiplist", {{"agentiplist", {"10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.3"}}});
    auto const& info = reply.at("info").as_array();
    REQUIRE(info.size() == 4);
    CHECK(info[0].as_object() == record("10.0.0.3", "s3"));
    CHECK(info[1].as_object() == json::object{{"flag", "false"},
                                     {"error_info", "[415.1] no inventory record for 10.0.0.2"},
                                     {"agentip", "10.0.0.2"}});
    CHECK(info[2].as_object() == record("10.0.0.1", "s1"));
    CHECK(info[3] == info[0]);
    CHECK(house.call("getcmdbinfobyiplist", {{"agentiplist", json::array()}}).at("info").as_array().empty());
}

TEST_CASE("an inventory record can be deleted once", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("10.0.0.1", "s1"));
    CHECK(house.call("delcmdbinfo", {{"agentip", "10.0.0.1"}}).empty());
    CHECK(house.refusal("delcmdbinfo", {{"agentip", "10.0.0.1"}}) ==
          "[415.1] no inventory record for 10.0.0.1");
    CHECK(house.refusal("getcmdbinfobyip", {{"agentip", "10.0.0.1"}}).starts_with("[415.1]"));
}

TEST_CASE("inventory records are listed by IP in pages that miss none", "[cmdbproxy]")
{
    InventoryHouse house;
    for (auto const* agent : {"10.0.0.10", "10.0.0.2", "10.0.0.1"})
        house.call("setcmdbinfo", record(agent, "s"));
    CHECK(house.listed() == std::vector<std::string>{"10.0.0.1", "10.0.0.2", "10.0.0.10"});

    auto const first = house.call("listcmdbinfo", {{"limit", 2}});
    CHECK(first.at("info").as_array().size() == 2);
    CHECK(first.at("next").as_string() == "10.0.0.2");
    auto const second = house.call("listcmdbinfo", {{"limit", "2"}, {"after", first.at("next")}});
    CHECK(second.at("info").as_array().size() == 1);
    CHECK_FALSE(second.contains("next"));
    CHECK_FALSE(house.call("listcmdbinfo", {{"limit", 3}}).contains("next"));
}

TEST_CASE("a page of large inventory records ends before it outgrows a frame", "[cmdbproxy]")
{
    InventoryHouse house;
    std::string const large(4096, 'x');
    for (int n = 0; n < 60; ++n) {
        house.call(
            "setcmdbinfo", {{"agentip", "10.0.0." + std::to_string(n)}, {"sn", large}, {"iplist", large},
                               {"idc", large}, {"main_cat", large}, {"sub_cat", large}, {"app_info", large}});
    }
    auto const page = house.call("listcmdbinfo", {{"limit", 1000}});
    CHECK(page.at("info").as_array().size() < 60);
    CHECK(json::serialize(page).size() < 2 * 1024 * 1024);
    CHECK(page.contains("next"));
}

TEST_CASE(
    "a list that asks for more records than a frame should carry is refused before it is made", "[cmdbproxy]")
{
    InventoryHouse house;
    std::string const large(4096, 'x');
    house.call("setcmdbinfo", {{"agentip", "10.0.0.1"}, {"sn", large}, {"iplist", large}, {"idc", large},
                                  {"main_cat", large}, {"sub_cat", large}, {"app_info", large}});
    auto const times = [](std::size_t count, std::string_view agent) {
        return json::object{{"agentiplist", json::array(count, json::value(agent))}};
    };
    CHECK(house.call("getcmdbinfobyiplist", times(500, "10.0.0.1")).at("info").as_array().size() == 500);
    CHECK(
        house.call("getcmdbinfobyiplist", times(10'000, "10.0.0.2")).at("info").as_array().size() == 10'000);
    CHECK(house.refusal("getcmdbinfobyiplist", times(10'000, "10.0.0.1")) ==
          "[429.1] the answer is over 67108864 bytes; ask for fewer at a time");
}

TEST_CASE("what a key may not touch is refused by name and left out of the inventory's list", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("10.0.0.1", "s1"));
    house.call("setcmdbinfo", record("10.0.1.1", "s2"));
    Caller const near{nullptr, some_key(Role::viewer, {"10.0.0.0/24"})};
    CHECK(house.listed({}, near) == std::vector<std::string>{"10.0.0.1"});
    CHECK(house.listed({{"after", "9.0.0.0"}}, near) == std::vector<std::string>{"10.0.0.1"});
    CHECK(house.refusal("getcmdbinfobyip", {{"agentip", "10.0.1.1"}}, near).starts_with("[401.6]"));
    CHECK(house.refusal("getcmdbinfobyiplist", {{"agentiplist", {"10.0.0.1", "10.0.1.1"}}}, near)
              .starts_with("[401.6]"));
}

TEST_CASE("wrong input to the inventory is refused with the field's name", "[cmdbproxy]")
{
    InventoryHouse house;
    struct Wrong {
        std::string_view method;
        json::object fields;
        std::string_view code;
        std::string_view field;
    };
    std::vector<Wrong> const all{
        {"getcmdbinfobyip", {}, "[403.1]", "agentip"},
        {"getcmdbinfobyip", {{"agentip", "there"}}, "[403.1]", "agentip"},
        {"getcmdbinfobyip", {{"agentip", ""}}, "[403.1]", "agentip"},
        {"getcmdbinfobyiplist", {}, "[403.1]", "agentiplist"},
        {"getcmdbinfobyiplist", {{"agentiplist", "10.0.0.1"}}, "[403.1]", "agentiplist"},
        {"getcmdbinfobyiplist", {{"agentiplist", {"10.0.0.1", 5}}}, "[403.1]", "agentiplist[1]"},
        {"setcmdbinfo", {{"sn", "s"}}, "[403.1]", "agentip"},
        {"setcmdbinfo", {{"agentip", "10.0.0.1"}, {"manager", {"ann"}}}, "[403.10]", "manager"},
        {"setcmdbinfo", {{"agentip", "10.0.0.1"}, {"sn", std::string(4097, 'x')}}, "[403.10]", "sn"},
        {"delcmdbinfo", {}, "[403.1]", "agentip"},
        {"listcmdbinfo", {{"limit", 0}}, "[403.10]", "limit"},
        {"listcmdbinfo", {{"limit", 1001}}, "[403.10]", "limit"},
        {"listcmdbinfo", {{"limit", "ten"}}, "[403.10]", "limit"},
        {"listcmdbinfo", {{"after", "10.0.0"}}, "[403.1]", "after"},
    };
    for (auto const& wrong : all) {
        auto const text = house.refusal(wrong.method, wrong.fields);
        INFO(wrong.method << " " << json::serialize(wrong.fields) << ": " << text);
        CHECK(text.starts_with(wrong.code));
        CHECK(text.find("`" + std::string(wrong.field) + "`") != std::string::npos);
    }
    CHECK(house.listed().empty());
}

TEST_CASE("a field of an inventory record may have 4 KiB", "[cmdbproxy]")
{
    InventoryHouse house;
    std::string const most(4096, 'x');
    house.call("setcmdbinfo", {{"agentip", "10.0.0.1"}, {"sn", most}});
    CHECK(house.call("getcmdbinfobyip", {{"agentip", "10.0.0.1"}}).at("sn").as_string() == most);
}

TEST_CASE("an inventory record that the disk does not take is not in memory either", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("10.0.0.1", "old"));
    house.store.fail_all(true);
    CHECK(house.refusal("setcmdbinfo", record("10.0.0.1", "new")).starts_with("[507.1]"));
    CHECK(house.refusal("delcmdbinfo", {{"agentip", "10.0.0.1"}}).starts_with("[507.1]"));
    CHECK(house.call("getcmdbinfobyip", {{"agentip", "10.0.0.1"}}).at("sn").as_string() == "old");
}

TEST_CASE("of a list of inventory records only what changes is written, all of it or nothing", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("10.0.0.1", "s1"));
    auto const list = [](std::vector<json::object> const& records) {
        return json::object{{"records", json::array(records.begin(), records.end())}};
    };
    auto const three =
        list({record("10.0.0.1", "s1"), record("10.0.0.2", "s2"), {{"agentip", "10.0.0.3"}, {"sn", "s3"}}});
    CHECK(house.call("setcmdbinfolist", three) == json::object{{"written", "2"}, {"unchanged", "1"}});
    CHECK(house.call("setcmdbinfolist", three) == json::object{{"written", "0"}, {"unchanged", "3"}});
    CHECK(house.listed() == std::vector<std::string>{"10.0.0.1", "10.0.0.2", "10.0.0.3"});
    CHECK(house.call("getcmdbinfobyip", {{"agentip", "10.0.0.3"}}).at("idc").as_string().empty());
    CHECK(house.call("setcmdbinfolist", list({})) == json::object{{"written", "0"}, {"unchanged", "0"}});
    house.store.fail_all(true);
    CHECK(house.call("setcmdbinfolist", three).at("unchanged").as_string() == "3"); // writes nothing
    CHECK(house.refusal("setcmdbinfolist", list({record("10.0.0.1", "new"), record("10.0.0.4", "s4")}))
              .starts_with("[507.1]"));
    house.store.fail_all(false);
    CHECK(house.call("getcmdbinfobyip", {{"agentip", "10.0.0.1"}}).at("sn").as_string() == "s1");
    struct Row {
        json::array records;
        char const* code;
        char const* field;
    };
    for (auto const& row :
        {Row{{record("10.0.0.5", "s"), json::object{{"sn", "s"}}}, "[403.1]", "records[1].agentip"},
            Row{{json::object{{"agentip", "0.0.0.0"}}}, "[403.1]", "records[0].agentip"},
            Row{{record("10.0.0.5", "a"), record("10.0.0.5", "b")}, "[403.1]", "records[1].agentip"},
            Row{{json::object{{"agentip", "10.0.0.5"}, {"idc", 7}}}, "[403.10]", "records[0].idc"},
            Row{{"10.0.0.5"}, "[403.10]", "records[0]"},
            Row{json::array(1001, record("10.0.0.5", "s")), "[403.10]", "records"}}) {
        auto const refusal = house.refusal("setcmdbinfolist", {{"records", row.records}});
        CHECK(refusal.starts_with(row.code));
        CHECK(refusal.find("`" + std::string(row.field) + "`") != std::string::npos);
    }
    CHECK(house.listed().size() == 3);
}

TEST_CASE("inventory records are there again after a restart", "[cmdbproxy]")
{
    InventoryHouse house;
    house.call("setcmdbinfo", record("10.0.0.1", "s1"));
    house.call("setcmdbinfo", record("10.0.0.2", "s2"));
    house.call("delcmdbinfo", {{"agentip", "10.0.0.2"}});
    auto const again = make_cmdbproxy(house.host);
    again->start();
    ModuleDriver driver(*again, house.loop);
    CHECK(driver.call("getcmdbinfobyip", {{"agentip", "10.0.0.1"}}).at("sn").as_string() == "s1");
    CHECK(driver.call("listcmdbinfo").at("info").as_array().size() == 1);
}

TEST_CASE(
    "there is a bound to the number of inventory records, and known ones can still be changed", "[cmdbproxy]")
{
    InventoryHouse house;
    CmdbRecords records(house.store, 1);
    CmdbProxy proxy(records);
    ModuleDriver driver(proxy, house.loop);
    driver.call("setcmdbinfo", record("10.0.0.1", "s1"));
    CHECK(driver.refusal("setcmdbinfo", record("10.0.0.2", "s2")).starts_with("[429.1]"));
    CHECK(driver.refusal("setcmdbinfo", record("10.0.0.1", "s3")).empty());
}

TEST_CASE("the inventory's reads need a reader and its changes an admin", "[cmdbproxy]")
{
    InventoryHouse house;
    auto const right = [&](std::string_view method) { return house.driver.table.find(method)->right; };
    CHECK(right("getcmdbinfobyip") == Right::read);
    CHECK(right("getcmdbinfobyiplist") == Right::read);
    CHECK(right("listcmdbinfo") == Right::read);
    CHECK(right("setcmdbinfo") == Right::manage);
    CHECK(right("delcmdbinfo") == Right::manage);
}
