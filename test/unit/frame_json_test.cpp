#include "rpc/frame_json.hpp"

#include "catch.hpp"

using namespace elves;

TEST_CASE("a frame is one JSON object, and anything else is refused with a reason", "[frames]")
{
    JsonReader reader;
    auto const frame = read_frame(reader, R"({"mqt":"call","a":1,"a":2})");
    REQUIRE(std::holds_alternative<JsonValue const*>(frame));
    CHECK(std::get<JsonValue const*>(frame)->find("a")->int64() == 2);
    for (auto const* text : {"[]", "5", "\"{}\"", "null"}) {
        INFO(text);
        auto const refused = read_frame(reader, text);
        REQUIRE(std::holds_alternative<Error>(refused));
        CHECK(std::get<Error>(refused).info().starts_with("[400.1] not a JSON object"));
    }
    CHECK(std::get<Error>(read_frame(reader, "{")).info().starts_with("[400.1] not JSON: "));
}
