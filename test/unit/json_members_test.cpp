#include "elves/json_members.hpp"

#include <string>

#include "catch.hpp"
#include "elves/json.hpp"

using namespace elves;

namespace {

std::string as_string(std::string_view text)
{
    std::string out;
    append_json_string(out, text);
    return out;
}

} // namespace

TEST_CASE("a JSON string is written as Boost.JSON writes it", "[json_members]")
{
    // Each character at each place of the eight that are looked at together, and behind them.
    for (int c = 0; c < 128; ++c) {
        for (std::size_t at = 0; at < 19; ++at) {
            std::string text(19, 'x');
            text[at] = static_cast<char>(c);
            INFO(c << " at " << at);
            REQUIRE(as_string(text) == json::serialize(json::string_view(text)));
        }
    }
    for (std::string const& text :
        {std::string(), std::string("\xC3\xA4\xE2\x82\xAC"), std::string(1022, 'a'), std::string(1023, 'a'),
            std::string(5000, 'a'), std::string(5000, '"')}) {
        CHECK(as_string(text) == json::serialize(json::string_view(text)));
    }
}

TEST_CASE("members are written in their sequence", "[json_members]")
{
    JsonMembers inner;
    inner.add("a", "x\"y");
    JsonMembers members;
    members.add("text", "some").add("number", -7).add_quoted("quoted", 8).add("inner", inner);
    CHECK(members.text() == R"("text":"some","number":-7,"quoted":"8","inner":{"a":"x\"y"})");
    CHECK(JsonMembers().text().empty());
}
