#include "elves/worker_report.hpp"

#include "catch.hpp"
#include "elves/error.hpp"
#include "support/json_of.hpp"

using namespace elves;

namespace {

Zone zone(char const* name) { return Zone::named(name).value(); }

} // namespace

TEST_CASE("a report that is written says the same when it is read", "[worker-report]")
{
    json::object const info{{"agent_callback_time", "2026-01-01 12:00:00"}, {"worker_flag", 0},
        {"worker_result", "no"}, {"worker_costtime", 12}, {"stderr", "boom\n"}, {"exit_code", -9},
        {"truncated", "true"}};
    json::object out;
    write_report(out, read_report(json_of(info).root(), zone("Europe/Berlin")), zone("Europe/Berlin"));
    CHECK(out == info);
}

TEST_CASE("a report is refused by the name of the field at fault", "[worker-report]")
{
    struct Row {
        json::object info;
        char const* field;
    };
    for (auto const& row : std::vector<Row>{{{}, "`info.worker_flag` is missing"},
             {{{"worker_flag", 2}}, "`info.worker_flag` is 2"},
             {{{"worker_flag", 1}, {"worker_costtime", -1}}, "`info.worker_costtime` is -1"},
             {{{"worker_flag", 1}, {"worker_result", 5}}, "`info.worker_result` is 5"},
             {{{"worker_flag", 1}, {"exit_code", "x"}}, "`info.exit_code` is \"x\""},
             {{{"worker_flag", 1}, {"truncated", "x"}}, "`info.truncated` is \"x\""}}) {
        INFO(row.field);
        CHECK_THROWS_WITH(
            read_report(json_of(row.info).root(), Zone()), Catch::Matchers::StartsWith(row.field));
    }
}

TEST_CASE("a number is a time only where every zone can write it as a time of day", "[worker-report]")
{
    auto const kiritimati = zone("Pacific/Kiritimati"); // 14 hours ahead
    for (std::int64_t const number : {253'402'300'799'000, 253'402'214'400'000, std::int64_t{-1}}) {
        INFO(number);
        CHECK_FALSE(read_time(json_of(number).root(), kiritimati));
    }
    auto const latest = read_time("253402214399000", kiritimati);
    REQUIRE(latest);
    CHECK(kiritimati.text(*latest) == "9999-12-31 13:59:59");
    CHECK(read_time(kiritimati.text(*latest), kiritimati) == latest);
    CHECK(read_time("9999-12-31 23:59:59", zone("America/Los_Angeles")));
}
