#include "ctl/times.hpp"

#include "catch.hpp"

using namespace elves;
using namespace elves::ctl;

namespace {

Zone berlin() { return Zone::named("Europe/Berlin").value(); }

} // namespace

TEST_CASE("a time of day gets the offset that its zone has at that moment", "[ctl_times]")
{
    CHECK(with_offset("2026-11-29 21:20:00", berlin()) == "2026-11-29 21:20:00+01:00");
    CHECK(with_offset("2026-07-29 21:20:00", berlin()) == "2026-07-29 21:20:00+02:00");
    CHECK(with_offset("2026-07-29 21:20:00.123", Zone()) == "2026-07-29 21:20:00.123+00:00");
    CHECK(with_offset("2026-07-29 21:20:00", Zone::named("America/St_Johns").value()) ==
          "2026-07-29 21:20:00-02:30");
}

TEST_CASE("what is not a time of day stays as it is", "[ctl_times]")
{
    for (std::string const text : {"", "never", "2026-07-29", "2026-07-29T21:20:00", "2026-07-29 21:20:00Z",
             "2026-07-29 21:20:00.", "2026-13-29 21:20:00", "12"})
        CHECK(with_offset(text, berlin()) == text);
}

TEST_CASE("only time fields get an offset, and nothing that callers wrote", "[ctl_times]")
{
    std::string const time = "2026-11-29 21:20:00";
    std::string const whole = time + "+00:00";
    json::object const given{{"starttime", time}, {"param", time},
        {"ins", json::object{{"start_date", time}}},
        {"rows", json::array{json::object{{"last_hb_time", time}, {"worker_message", time}}}},
        {"timezone", "Asia/Kolkata"},
        {"next_times", json::array{json::object{{"due", time}, {"local", time}}}}, {"note", time}};
    json::object const expected{{"starttime", whole}, {"param", time},
        {"ins", json::object{{"start_date", time}}},
        {"rows", json::array{json::object{{"last_hb_time", whole}, {"worker_message", time}}}},
        {"timezone", "Asia/Kolkata"},
        {"next_times", json::array{json::object{{"due", whole}, {"local", time + "+05:30"}}}},
        {"note", time}};
    CHECK(has_times(given));
    CHECK(with_offsets(given, Zone()) == json::value(expected));
    CHECK_FALSE(has_times(json::object{{"param", time}, {"starttime", ""}}));
    CHECK_FALSE(has_times(with_offsets(given, Zone())));
}

TEST_CASE("an age is told in two units at most", "[ctl_times]")
{
    auto const now = Zone().parse("2026-11-29 21:20:00").value();
    CHECK(age_of("2026-11-29 21:19:15", Zone(), now) == "45 s ago");
    CHECK(age_of("2026-11-29 19:10:00", Zone(), now) == "2 h 10 min ago");
    CHECK(age_of("2026-11-24 21:20:00", Zone(), now) == "5 d ago");
    CHECK(age_of("2026-11-29 21:20:01", Zone(), now).empty());
    CHECK(age_of("", Zone(), now).empty());
}
