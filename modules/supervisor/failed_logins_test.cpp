#include "supervisor/failed_logins.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

auto const from = Ip::parse("10.0.0.7").value();
auto const now = Instant(1'767'225'600'000ms); // 2026-01-01T00:00:00Z

} // namespace

TEST_CASE(
    "of a key that was shown only its start is told, and nothing that could break a log line", "[supervisor]")
{
    CHECK(key_start("0123456789ABCDEF") == "01234567...");
    CHECK(key_start("elv_0123456789") == "elv_012...");
    CHECK(key_start("abc") == "a...");
    CHECK(key_start("x") == "...");
    CHECK(key_start("") == "-");
    CHECK(key_start("a\nb level=error") == "a?b?lev...");
}

TEST_CASE("failed logins are counted by key and address, and forgotten after a day", "[supervisor]")
{
    FailedLogins failed;
    failed.note("0123456789ABCDEF", from, now);
    failed.note("FEDCBA9876543210", from, now + 1s);
    failed.note("0123456789ABCDEF", from, now + 2s);
    auto const lines = failed.lines(now + 3s, Zone());
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] ==
          "wrong key or token: key 01234567... from 10.0.0.7, 2 times, last at 2026-01-01 00:00:02");
    CHECK(lines[1].find("FEDCBA98... from 10.0.0.7, 1 time,") != std::string::npos);
    CHECK(failed.lines(now + 24h + 3s, Zone()).empty());
}

TEST_CASE("failed logins are bounded", "[supervisor]")
{
    FailedLogins failed(3);
    for (int i = 0; i < 1000; ++i)
        failed.note("key number " + std::to_string(i) + std::string(20, 'x'), from, now);
    for (int i = 0; i < 1000; ++i) failed.note(std::to_string(1000 + i) + std::string(20, 'x'), from, now);
    CHECK(failed.lines(now, Zone()).size() == 3);
}
