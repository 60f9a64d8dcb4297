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

TEST_CASE("an object of more than 1,024 members is refused, wherever it stands", "[frames]")
{
    auto const object = [](std::size_t members) {
        std::string text = "{";
        for (std::size_t i = 0; i < members; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
        return text + "}";
    };
    for (auto const* const place : {"", "{\"a\":", "{\"a\":[1,{\"b\":"}) {
        std::string const before(place);
        auto const after = before.empty() ? "" : before.size() < 8 ? "}" : "}]}";
        CHECK(fault_of(before + object(1024) + after).empty());
        CHECK(fault_of(before + object(1025) + after)
                  .starts_with("[400.1] an object has more than 1024 members"));
    }
}

TEST_CASE("a frame of more than 100,000 values is refused, however they are nested", "[frames]")
{
    auto const list = [](std::string_view item, std::size_t count) {
        std::string text = "{\"a\":[";
        for (std::size_t i = 0; i < count; ++i) text.append(i ? "," : "").append(item);
        return text + "]}";
    };
    // The frame's object and the list are two of them.
    CHECK(fault_of(list("[]", 99'998)).empty());
    for (auto const* const item : {"[]", "{}", "1", "-1.5", "\"\"", "true", "null", "18446744073709551615"}) {
        INFO(item);
        CHECK(fault_of(list(item, 99'999)).starts_with("[400.1] the frame has more than 100000 JSON values"));
    }
    CHECK(
        fault_of(list("[[[1]]]", 25'000)).starts_with("[400.1] the frame has more than 100000 JSON values"));
}

TEST_CASE("names that collide in Boost.JSON's table make no frame's parsing quadratic", "[frames]")
{
    // The limit stops the parser at member 1,025, before the table of all of them is filled.
    std::string text = "{\"a\":1";
    for (std::size_t i = 0; i < 65'536; ++i) text += ",\"k" + std::to_string(i) + "\":1";
    CHECK(fault_of(text + "}").starts_with("[400.1] an object has more than 1024 members"));
}
