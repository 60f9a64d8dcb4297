#include "elves/text_fit.hpp"

#include <string>

#include "catch.hpp"
#include "elves/json.hpp"

using namespace elves;

TEST_CASE("the size of a text in JSON is what the serializer makes of it", "[text_fit]")
{
    std::string all;
    for (int byte = 0; byte < 128; ++byte) all += static_cast<char>(byte);
    all += "\xE2\x82\xAC";
    CHECK(json_bytes(all) + 2 == json::serialize(json::string_view(all)).size());
}

TEST_CASE("what fits is the longest whole-character beginning, or end", "[text_fit]")
{
    CHECK(head_that_fits("abc", 3) == "abc");
    CHECK(head_that_fits("abc", 2) == "ab");
    CHECK(tail_that_fits("abc", 2) == "bc");
    CHECK(head_that_fits(std::string_view("a\0b", 3), 7) == std::string_view("a\0", 2));
    CHECK(head_that_fits(std::string_view("a\0b", 3), 6) == "a");
    CHECK(head_that_fits("a\xE2\x82\xAC", 3) == "a");
    CHECK(tail_that_fits("\xE2\x82\xAC"
                         "a",
              3) == "a");
    CHECK(head_that_fits("\"", 1).empty());
    CHECK(tail_that_fits("", 0).empty());
}
