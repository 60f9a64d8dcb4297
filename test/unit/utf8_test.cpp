#include "core/utf8.hpp"

#include <utility>
#include <vector>

#include "catch.hpp"

using elves::is_utf8;
using elves::repaired;
using elves::Utf8Repair;
using namespace std::string_literals;

namespace {

std::string const bad = "\xEF\xBF\xBD";

std::vector<std::pair<std::string, std::string>> const broken = {
    {"\x80", bad},
    {"\xBF\x80", bad + bad},
    {"a\xFFz", "a" + bad + "z"},
    {"\xC0\xAF", bad + bad},                                               // overlong
    {"\xE0\x80\xAF", bad + bad + bad},                                     // overlong
    {"\xF0\x80\x80\xAF", bad + bad + bad + bad},                           // overlong
    {"\xED\xA0\x80", bad + bad + bad},                                     // a surrogate
    {"\xF4\x90\x80\x80", bad + bad + bad + bad},                           // over U+10FFFF
    {"\xF5\x80", bad + bad},                                               // over U+10FFFF
    {"\xE2\x82z", bad + "z"},                                              // cut short: one for both bytes
    {"\xF0\x9F\x98\xE2\x82\xAC", bad + "\xE2\x82\xAC"},                    // cut short by another character
    {"\xF0\x9F\xC3\xA4", bad + "\xC3\xA4"},                                //
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", bad + bad + bad + bad + "A"}, // Unicode's own example
    {"\xC3", bad},
    {"\xF0\x9F\x98", bad},
};

} // namespace

TEST_CASE("well-formed text stays as it is", "[utf8]")
{
    for (auto const& text :
        {""s, "plain"s, "a\0b"s, "\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"s,
            "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"s, "\xEF\xBF\xBD"s}) {
        CHECK(repaired(text) == text);
        CHECK(is_utf8(text));
    }
}

TEST_CASE("each longest ill-formed piece becomes one replacement character", "[utf8]")
{
    for (auto const& [bytes, text] : broken) {
        CHECK(repaired(bytes) == text);
        CHECK_FALSE(is_utf8(bytes));
        CHECK(is_utf8(text));
    }
}

TEST_CASE("text comes out the same wherever it was cut, and valid at each step", "[utf8]")
{
    std::string whole = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z";
    for (auto const& [bytes, text] : broken) whole += "|" + bytes;
    auto const expected = repaired(whole);
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (std::size_t second = first; second <= whole.size(); ++second) {
            Utf8Repair repair;
            std::string got;
            for (auto const& part :
                {whole.substr(0, first), whole.substr(first, second - first), whole.substr(second)}) {
                auto const text = repair.put(part);
                if (!is_utf8(text)) FAIL("cut at " << first << " and " << second);
                got += text;
            }
            got += repair.finish();
            if (got != expected) FAIL("cut at " << first << " and " << second);
        }
    }
    SUCCEED();
}

TEST_CASE("the beginning of a character is held until its end is there, or nothing more comes", "[utf8]")
{
    Utf8Repair repair;
    CHECK(repair.put("a\xE2\x82") == "a");
    CHECK(repair.put("") == "");
    CHECK(repair.put("\xAC") == "\xE2\x82\xAC");
    CHECK(repair.finish() == "");
    CHECK(repair.put("\xF0\x9F") == "");
    CHECK(repair.finish() == bad);
    CHECK(repair.put("\x98") == bad);
    CHECK(repair.put("ok") == "ok");
}
