#include "catch.hpp"
#include "ctl/output.hpp"
#include "ctl/printable.hpp"
#include "ctl/typed_text.hpp"
#include "ctl/units.hpp"

using namespace elves;
using namespace elves::ctl;

namespace {

std::size_t width_of_widest(std::string text)
{
    std::size_t width = 0;
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        width = std::max(width, width_of(line));
        text.erase(0, line.size() + 1);
    }
    return width;
}

Table sample()
{
    Table table({"id", "message", "empty", "status", "note"}, 0);
    table.add({"0123456789ABCDEF", std::string(50, 'm'), "", "running", "a note"});
    table.add({"FEDCBA9876543210", "short", "", "done", "中文中文中文中文中文"});
    return table;
}

} // namespace

TEST_CASE("a table that fits stays as it is", "[table]")
{
    auto table = sample();
    auto const before = table.text();
    CHECK(table.fit(200).empty());
    CHECK(table.text() == before);
}

TEST_CASE("a table is cut to any width that holds its first column", "[table]")
{
    for (std::size_t columns = 16; columns <= 130; ++columns) {
        auto table = sample();
        auto const left_out = table.fit(columns);
        CAPTURE(columns, table.text());
        CHECK(width_of_widest(table.text()) <= columns);
        CHECK(table.text().find("0123456789ABCDEF") != std::string::npos);
        CHECK((left_out.empty() || left_out.back() == "note"));
    }
}

TEST_CASE("empty columns go before anything is cut", "[table]")
{
    auto table = sample();
    auto const whole = width_of_widest(table.text());
    CHECK(table.fit(whole - 1).empty());
    CHECK(table.text().find("empty") == std::string::npos);
    CHECK(table.text().find("…") == std::string::npos);
}

TEST_CASE("a list of hosts has one address a line, each once", "[hosts]")
{
    auto const hosts = hosts_in("\xEF\xBB\xBF# web\r\n10.0.0.1\r\n\n \t10.0.0.2 # two\n10.0.0.1\n::0:1", "f");
    REQUIRE(hosts.size() == 3);
    CHECK(hosts[1].text() == "10.0.0.2");
    CHECK(hosts[2].text() == "::1");
}

TEST_CASE("a line that is no address is named by its number", "[hosts]")
{
    CHECK_THROWS_WITH(hosts_in("10.0.0.1\n\nweb-1\n", "f"),
        "--hosts f, line 3: \"web-1\" is not an address; expected one IPv4 or IPv6 address a line");
    CHECK_THROWS_WITH(hosts_in("# none\n", "f"), "--hosts f names no agent; expected one address a line");
}

TEST_CASE("sizes and durations have units", "[units]")
{
    CHECK(size_text(512) == "512 B");
    CHECK(size_text(1536) == "1.5 KiB");
    CHECK(size_text(std::int64_t{8} << 30) == "8.0 GiB");
    CHECK(duration_text(0) == "0 s");
    CHECK(duration_text(185) == "3 min 5 s");
    CHECK(duration_text(7200) == "2 h");
    CHECK(duration_text(90'000) == "1 d 1 h");
}
