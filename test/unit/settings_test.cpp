#include "elves/settings.hpp"

#include <fstream>

#include "catch.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;
using namespace std::chrono_literals;

namespace {

Settings parse(std::string_view text) { return Settings::parse(text, "etc/elves.conf"); }

/// Reads what a server might, and gives the SettingsError's text.
std::string problem(std::string_view text)
{
    try {
        auto const settings = parse(text);
        auto const server = settings.section("server");
        (void)server.number("max_frame", 4096, 1024, 1'048'576);
        (void)server.seconds("idle", 60s, 1s, 3600s);
        (void)server.choice("mode", "open", {"open", "keys"});
        (void)server.list("listen", {});
        (void)settings.section("store").text("path", "");
        settings.ignore("cron");
        settings.refuse_unknown();
    } catch (SettingsError const& error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("settings are read, trimmed, with comments and either line end", "[settings]")
{
    auto const settings = parse("\xef\xbb\xbf# head\r\n[server]\r\n  max_frame=2048 \r\n; note\nmode = keys\n"
                                "listen = a:1, b:2 ,,c:3,\n\n[ store ]\npath = /x y=z # data\n");
    auto const server = settings.section("server");
    CHECK(server.number("max_frame", 4096, 1024, 1'048'576) == 2048);
    CHECK(server.choice("mode", "open", {"open", "keys"}) == "keys");
    CHECK(server.list("listen", {}) == std::vector<std::string>{"a:1", "b:2", "c:3"});
    CHECK(settings.section("store").text("path", "") == "/x y=z");
    CHECK_NOTHROW(settings.refuse_unknown());
}

TEST_CASE("what is absent has its default", "[settings]")
{
    auto const settings = parse("");
    auto const server = settings.section("server");
    CHECK(server.number("n", 7, 1, 10) == 7);
    CHECK(server.seconds("s", 90s, 1s, 100s) == 90s);
    CHECK(server.text("t", "x") == "x");
    CHECK(server.list("l", {"a"}) == std::vector<std::string>{"a"});
    CHECK_FALSE(server.has("n"));
    CHECK_NOTHROW(settings.refuse_unknown());
}

TEST_CASE("every wrong line says where, what, and what would be right", "[settings]")
{
    struct Row {
        char const* text;
        char const* says;
    };
    for (auto const& row : {
             Row{"[server]\nmax_frme = 2048\n",
                 "etc/elves.conf:2: [server] max_frme: unknown key; did you mean max_frame?"},
             Row{"[server]\nzzz = 1\n",
                 "etc/elves.conf:2: [server] zzz: unknown key; known are idle, listen, max_frame, mode"},
             Row{"\n[servr]\nmax_frame = 2048\n",
                 "etc/elves.conf:2: [servr]: unknown section; did you mean [server]?"},
             Row{"[database]\n", "etc/elves.conf:1: [database]: unknown section; known are server, store"},
             Row{"[store]\nzz = 1\n[server]\naa = 1\n",
                 "etc/elves.conf:2: [store] zz: unknown key; known are path"},
             Row{"[cron]\nwhatever = 1\n", ""},
             Row{"[server]\nmax_frame = 1\n",
                 "etc/elves.conf:2: [server] max_frame: \"1\" is out of range; give 1024 to 1048576"},
             Row{"[server]\nmax_frame = 99999999999999999999\n",
                 "etc/elves.conf:2: [server] max_frame: \"99999999999999999999\" is out of range; give 1024 "
                 "to "
                 "1048576"},
             Row{"[server]\nmax_frame = 4k\n",
                 "etc/elves.conf:2: [server] max_frame: \"4k\" is no whole number; give 1024 to 1048576"},
             Row{"[server]\nidle = -5\n",
                 "etc/elves.conf:2: [server] idle: \"-5\" is no whole number; give 1 to 3600"},
             Row{"[server]\nidle =\n",
                 "etc/elves.conf:2: [server] idle: the value is empty; give one, or leave the line out"},
             Row{"[server]\nmode = Keys\n",
                 "etc/elves.conf:2: [server] mode: \"Keys\" is not known; give one of open, keys"},
             Row{"[server]\nidle = 5\nidle = 6\n",
                 "etc/elves.conf:3: [server] idle: stands in line 2 already; keep one of them"},
             Row{"[server]\nidle = 5\n[store]\n[server]\nidle = 6\n",
                 "etc/elves.conf:5: [server] idle: stands in line 2 already; keep one of them"},
             Row{"idle = 5\n",
                 "etc/elves.conf:1: idle: stands before the first section; put it under its [section]"},
             Row{"[server]\nidle\n",
                 "etc/elves.conf:2: \"idle\" is neither a section nor a setting; write [section] "
                 "or key = value"},
             Row{"[server]\n= 5\n",
                 "etc/elves.conf:2: \"= 5\" is neither a section nor a setting; write [section] or "
                 "key = value"},
             Row{"[server\n",
                 "etc/elves.conf:1: \"[server\" is no section; write [name] and nothing behind it"},
             Row{"[]\n", "etc/elves.conf:1: \"[]\" is no section; write [name] and nothing behind it"},
             Row{"[", "etc/elves.conf:1: \"[\" is no section; write [name] and nothing behind it"},
             Row{"[server] x\n",
                 "etc/elves.conf:1: \"[server] x\" is no section; write [name] and nothing behind it"},
             Row{"[store]\npath = a\x01z\n",
                 "etc/elves.conf:2: a control character stands in this line; take it out"},
             Row{"# B\xfcro\n[store]\npath = B\xfcro\n",
                 "etc/elves.conf:3: this line is not UTF-8; save the file as UTF-8"},
         }) {
        CAPTURE(row.text);
        CHECK(problem(row.text) == row.says);
    }
}

TEST_CASE("one rule for comments, quotes and blanks holds for every value", "[settings]")
{
    struct Row {
        std::string_view line;
        std::string_view value;
    };
    for (auto const& row : {
             Row{"path = /d/elves.db  # data", "/d/elves.db"},
             Row{"path = /d/elves.db\t; data", "/d/elves.db"},
             Row{"path = /d/elves.db # it's \"data\"", "/d/elves.db"},
             Row{"path=/d/elves.db", "/d/elves.db"},
             Row{"\t path \t=\t /d/elves.db \t\r", "/d/elves.db"},
             Row{"path = /d/a#b;c", "/d/a#b;c"},
             Row{"path = \"/d/elves.db\"", "/d/elves.db"},
             Row{"path = '/d/elves.db'  ; data", "/d/elves.db"},
             Row{"path = \"/d/elves.db\"# data", "/d/elves.db"},
             Row{"path = \" /d/a # b; c \"", " /d/a # b; c "},
             Row{"path = \"it's\"", "it's"},
             Row{"path = 'say \"x\"'", "say \"x\""},
             Row{"path = a\\b", "a\\b"},
             Row{"path = B\xc3\xbcro \xe2\x82\xac", "B\xc3\xbcro \xe2\x82\xac"},
             Row{"path = \"a\xc2\xa0z\"", "a\xc2\xa0z"},
         }) {
        CAPTURE(row.line);
        auto const settings = parse("[store] # where\n" + std::string(row.line) + "\n");
        CHECK(settings.section("store").text("path", "") == row.value);
    }
}

TEST_CASE("a value that the rule does not allow is refused with its line", "[settings]")
{
    struct Row {
        char const* value;
        char const* says;
    };
    for (auto const& row : {
             Row{"", "the value is empty; give one, or leave the line out"},
             Row{"   # nothing", "the value is empty; give one, or leave the line out"},
             Row{"#nothing", "the value is empty; give one, or leave the line out"},
             Row{"\"\"", "the value is empty; give one, or leave the line out"},
             Row{"' '", "the value is empty; give one, or leave the line out"},
             Row{"\"/d/elves.db", "the quote \" is not closed in this line; close it"},
             Row{"'", "the quote ' is not closed in this line; close it"},
             Row{"\"a\" b",
                 "there is \"b\" after the closing quote; put the whole value in one pair of quotes"},
             Row{"'a', 'b'",
                 "there is \", 'b'\" after the closing quote; put the whole value in one pair of quotes"},
             Row{"/d/\"elves\".db",
                 "there is a quote in the value; put the whole value in quotes of the other "
                 "kind, or take it out"},
             Row{"a, 'b'",
                 "there is a quote in the value; put the whole value in quotes of the other kind, or "
                 "take it out"},
             Row{"/d/elves.db \\", "the value ends with a backslash; a value cannot go on in the next line"},
             Row{"/d/elves.db\xc2\xa0",
                 "the value has the character U+00A0, which looks like a blank or a quote, but is another "
                 "character; retype it, or quote the value"},
             Row{"\xe2\x80\x9c/d/elves.db\xe2\x80\x9d",
                 "the value has the character U+201C, which looks like a blank or a quote, but is "
                 "another character; retype it, or quote the value"},
         }) {
        CAPTURE(row.value);
        CHECK_THROWS_WITH(parse("[store]\npath = " + std::string(row.value) + "\n"),
            "etc/elves.conf:2: [store] path: " + std::string(row.says));
    }
}

TEST_CASE("a list takes the rule as a whole, and is never empty", "[settings]")
{
    auto const listed = [](std::string const& value) {
        return parse("[server]\nlisten = " + value).section("server").list("listen", {"default"});
    };
    auto const both = std::vector<std::string>{"a:1", "b:2"};
    CHECK(listed("a:1,b:2 # both") == both);
    CHECK(listed("\" a:1 , b:2 \"") == both);
    CHECK_THROWS_WITH(listed(","),
        "etc/elves.conf:2: [server] listen: \",\" names nothing; give a value, or leave "
        "the line out");
}

TEST_CASE("a module refuses its key in the same words, with the line where there is one", "[settings]")
{
    auto const settings = parse("[cron]\noverlap = maybe\n");
    CHECK_THROWS_WITH(settings.section("cron").refuse("overlap", "is odd; be even"),
        "etc/elves.conf:2: [cron] overlap: is odd; be even");
    CHECK_THROWS_WITH(
        settings.section("cron").refuse("misfire", "is needed"), "etc/elves.conf: [cron] misfire: is needed");
}

TEST_CASE("a file that cannot be read, or is no settings file, is refused", "[settings]")
{
    TempFolder folder;
    CHECK_THROWS_WITH(Settings::read_file(folder.file("none.conf")), Contains("No such file"));
    CHECK_THROWS_WITH(Settings::read_file(folder.file("")), Contains("is a folder"));
    auto const big = folder.file("big.conf");
    std::ofstream(big) << std::string(1024 * 1024 + 1, '#');
    CHECK_THROWS_WITH(Settings::read_file(big), Contains("over 1 MiB"));
    auto const small = folder.file("small.conf");
    std::ofstream(small) << "[a]\nb = c";
    CHECK(Settings::read_file(small).section("a").text("b", "") == "c");
}
