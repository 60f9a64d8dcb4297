#include "elves/zone.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

#include "catch.hpp"
#include "elves/machine_zone.hpp"

using namespace elves;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

Instant at(std::string_view iso) { return parse_iso(iso).value(); }

std::string last(Zone const& zone, std::string_view wall)
{
    auto const as_utc = std::chrono::floor<std::chrono::seconds>(Zone().parse(wall).value());
    auto const moment = zone.last_moment(std::chrono::local_seconds(as_utc.time_since_epoch()));
    return moment ? iso_text(*moment) : "none";
}

} // namespace

TEST_CASE("a zone is found by its IANA name, and nothing is thrown for the rest", "[zone]")
{
    CHECK(Zone().name() == "UTC");
    CHECK(Zone::named("UTC")->name() == "UTC");
    CHECK(Zone::named("Europe/Berlin")->name() == "Europe/Berlin");
    for (auto const name : {""sv, " "sv, "Nowhere"sv, "Europe/"sv, "europe/berlin"sv, "../../etc/passwd"sv,
             "/etc/passwd"sv, "Europe/Berlin\0"sv, "zone.tab"sv, "+01:00"sv, "Europe/Berlin "sv}) {
        INFO(name);
        CHECK_FALSE(Zone::named(name));
    }
}

TEST_CASE("the machine's zone is always one", "[zone]") { CHECK_FALSE(Zone::of_machine().name().empty()); }

TEST_CASE("a time of day is shown and read in its zone", "[zone]")
{
    auto const berlin = Zone::named("Europe/Berlin").value();
    auto const shanghai = Zone::named("Asia/Shanghai").value();
    CHECK(berlin.text(at("2026-01-01T23:30:00Z")) == "2026-01-02 00:30:00");
    CHECK(berlin.text(at("2026-07-01T23:30:00.999Z")) == "2026-07-02 01:30:00");
    CHECK(shanghai.text(at("2026-07-01T23:30:05Z")) == "2026-07-02 07:30:05");
    CHECK(Zone().text(Instant(-1ms)) == "1969-12-31 23:59:59");
    CHECK(berlin.parse("2026-07-02 01:30:00") == at("2026-07-01T23:30:00Z"));
    CHECK(shanghai.parse("2026-07-02 07:30:05") == at("2026-07-01T23:30:05Z"));
}

TEST_CASE("summer time goes on after 2037", "[zone]")
{
    auto const berlin = Zone::named("Europe/Berlin").value();
    CHECK(berlin.text(at("2060-07-01T00:00:00Z")) == "2060-07-01 02:00:00");
    CHECK(berlin.text(at("2060-12-01T00:00:00Z")) == "2060-12-01 01:00:00");
    CHECK(last(Zone::named("America/New_York").value(), "2055-08-01 12:00:00") == "2055-08-01T16:00:00Z");
    // Berlin's changes of 2060, a leap year: 28 March and 31 October.
    CHECK(berlin.text(at("2060-03-28T00:59:59Z")) == "2060-03-28 01:59:59");
    CHECK(berlin.text(at("2060-03-28T01:00:00Z")) == "2060-03-28 03:00:00");
    CHECK(berlin.parse("2060-03-28 02:30:00") == at("2060-03-28T01:00:00Z"));
    CHECK(last(berlin, "2060-03-28 02:30:00") == "none");
    CHECK(last(berlin, "2060-10-31 02:30:00") == "2060-10-31T01:30:00Z");
    CHECK(last(berlin, "2060-02-29 12:00:00") == "2060-02-29T11:00:00Z");
    auto const shanghai = Zone::named("Asia/Shanghai").value();
    CHECK(shanghai.text(at("2099-07-01T00:00:00Z")) == "2099-07-01 08:00:00");
}

TEST_CASE(
    "a time that occurs twice is read as the earlier, one left out as the moment of the change", "[zone]")
{
    auto const berlin = Zone::named("Europe/Berlin").value();
    CHECK(berlin.parse("2026-10-25 02:30:00") == at("2026-10-25T00:30:00Z"));
    CHECK(berlin.parse("2026-03-29 02:30:00") == at("2026-03-29T01:00:00Z"));
}

TEST_CASE("the last moment of a wall time is its second pass, and there is none in a gap", "[zone]")
{
    auto const berlin = Zone::named("Europe/Berlin").value();
    CHECK(last(berlin, "2026-10-25 02:30:00") == "2026-10-25T01:30:00Z");
    CHECK(last(berlin, "2026-10-25 01:59:59") == "2026-10-24T23:59:59Z");
    CHECK(last(berlin, "2026-10-25 03:00:00") == "2026-10-25T02:00:00Z");
    CHECK(last(berlin, "2026-03-29 02:30:00") == "none");
    CHECK(last(berlin, "2026-03-29 03:00:00") == "2026-03-29T01:00:00Z");
    CHECK(last(Zone(), "2026-03-29 02:30:00") == "2026-03-29T02:30:00Z");
}

TEST_CASE("what is no time of day is refused", "[zone]")
{
    for (auto const text : {""sv, "2026-01-01"sv, "2026-01-01T00:00:00"sv, "2026-1-1 00:00:00"sv,
             "2026-02-29 00:00:00"sv, "2026-13-01 00:00:00"sv, "2026-00-01 00:00:00"sv,
             "2026-01-00 00:00:00"sv, "2026-01-01 24:00:00"sv, "2026-01-01 00:60:00"sv,
             "2026-01-01 00:00:60"sv, "2026-01-01 00:00:00 "sv, " 2026-01-01 00:00:00"sv,
             "2026-01-01 00:00:0x"sv, "-026-01-01 00:00:00"sv}) {
        INFO(text);
        CHECK_FALSE(Zone().parse(text));
    }
    CHECK(Zone().parse("2028-02-29 23:59:59"));
}

TEST_CASE("ISO-8601 goes both ways, to the millisecond inwards and the second outwards", "[zone]")
{
    CHECK(iso_text(Instant()) == "1970-01-01T00:00:00Z");
    CHECK(iso_text(at("2026-01-01T00:00:00.999Z")) == "2026-01-01T00:00:00Z");
    CHECK(at("2026-01-01T00:00:00.5Z") - at("2026-01-01T00:00:00Z") == 500ms);
    CHECK(at("2026-01-01T00:00:00.123456789Z") - at("2026-01-01T00:00:00Z") == 123ms);
    CHECK(at("0001-01-01T00:00:00Z") < at("9999-12-31T23:59:59Z"));
    for (auto const text : {""sv, "Z"sv, "2026-01-01T00:00:00"sv, "2026-01-01 00:00:00Z"sv,
             "2026-01-01T00:00:00.Z"sv, "2026-01-01T00:00:00.1234567890Z"sv, "2026-01-01T00:00:00.-1Z"sv,
             "2026-01-01T00:00:00+00:00"sv, "2026-02-30T00:00:00Z"sv, "2026-01-01T00:00:00ZZ"sv}) {
        INFO(text);
        CHECK_FALSE(parse_iso(text));
    }
}

namespace {

struct Files {
    Files()
    {
        root = std::filesystem::temp_directory_path() / ("elves-zone-" + std::to_string(::getpid()));
        std::filesystem::create_directories(root);
        places.localtime = (root / "localtime").string();
        places.timezone = (root / "timezone").string();
    }
    Files(Files const&) = delete;
    Files& operator=(Files const&) = delete;
    ~Files() { std::filesystem::remove_all(root); }
    std::string refusal() const
    {
        try {
            static_cast<void>(machine_zone(places));
            return "";
        } catch (std::runtime_error const& error) {
            return error.what();
        }
    }
    std::filesystem::path root;
    ZonePlaces places;
};

} // namespace

TEST_CASE("TZ counts before /etc/localtime, in each of its forms", "[zone]")
{
    Files files;
    std::filesystem::create_symlink("/usr/share/zoneinfo/Asia/Tokyo", files.places.localtime);
    CHECK(machine_zone(files.places).zone.name() == "Asia/Tokyo");
    CHECK(machine_zone(files.places).source == files.places.localtime);
    for (auto const* const text : {"Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin"}) {
        files.places.variable = text;
        CHECK(machine_zone(files.places).zone.name() == "Europe/Berlin");
        CHECK(machine_zone(files.places).source == "TZ");
    }
    files.places.variable = "";
    CHECK(machine_zone(files.places).zone.name() == "UTC");
    files.places.variable = "CET-1CEST,M3.5.0,M10.5.0/3";
    CHECK(files.refusal().find("TZ is \"CET-1CEST") != std::string::npos);
    CHECK(files.refusal().find("[server] timezone") != std::string::npos);
}

TEST_CASE("a copy of a zone's file has the zone that /etc/timezone names, if it is that one", "[zone]")
{
    Files files;
    std::filesystem::copy_file("/usr/share/zoneinfo/Asia/Tokyo", files.places.localtime);
    CHECK(files.refusal().find("is a plain file") != std::string::npos);
    CHECK(files.refusal().find("[server] timezone") != std::string::npos);
    std::ofstream(files.places.timezone) << "Asia/Tokyo\n";
    CHECK(machine_zone(files.places).zone.name() == "Asia/Tokyo");
    std::ofstream(files.places.timezone) << "Europe/Berlin\n";
    CHECK(files.refusal().find("names Europe/Berlin") != std::string::npos);
}

TEST_CASE("a machine that says nothing of its zone is in UTC", "[zone]")
{
    Files const files;
    CHECK(machine_zone(files.places).zone.name() == "UTC");
}
