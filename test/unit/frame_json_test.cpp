#include "rpc/frame_json.hpp"

#include <string>

#include "catch.hpp"

using namespace elves;

namespace {

std::string fault_of(std::string_view text)
{
    auto const frame = read_frame(text, {});
    auto const* const error = std::get_if<Error>(&frame);
    return error ? error->info() : "";
}

std::string nested(std::size_t depth)
{
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

} // namespace

TEST_CASE("one JSON object is read, and anything else is refused with a reason", "[frames]")
{
    auto const frame = read_frame(R"({"mqt":"call","a":1,"a":2})", {});
    REQUIRE(std::holds_alternative<json::object>(frame));
    CHECK(std::get<json::object>(frame) == json::object{{"mqt", "call"}, {"a", 2}});
    for (auto const* text : {"", "{", "{} {}", "{\"a\":1,}", "{\"a\":\"\xFF\"}", "{\"a\":\"\\ud800\"}"}) {
        INFO(text);
        CHECK(fault_of(text).starts_with("[400.1] not JSON: "));
    }
    for (auto const* text : {"[]", "5", "\"{}\"", "null"}) {
        INFO(text);
        CHECK(fault_of(text).starts_with("[400.1] not a JSON object"));
    }
}

TEST_CASE("JSON is read to a depth of 32", "[frames]")
{
    CHECK(fault_of(nested(32)).empty());
    CHECK(fault_of(nested(33)).starts_with("[400.1] not JSON: "));
}

TEST_CASE("a number that no double holds is refused: it could not be written again as JSON", "[frames]")
{
    for (auto const* text : {R"({"a":1e400})", R"({"a":-1e400})", R"({"a":[{"b":1e309}]})"}) {
        INFO(text);
        CHECK(fault_of(text).starts_with("[400.1] a number"));
    }
    CHECK(fault_of(R"({"a":[1e308,-1e308,1e-400,18446744073709551616]})").empty());
}
