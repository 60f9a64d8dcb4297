#include "core/json_reader.hpp"

#include <string>

#include "catch.hpp"
#include "elves/error.hpp"
#include "elves/json_document.hpp"
#include "elves/keyed_hash.hpp"

using namespace elves;

namespace {

std::string fault_of(std::string_view text)
{
    try {
        JsonReader reader;
        (void)reader.read(text);
        return "";
    } catch (Error const& error) {
        return error.info();
    }
}

std::string nested(std::size_t depth)
{
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

std::string list_of(std::string_view item, std::size_t count)
{
    std::string text = "{\"a\":[";
    for (std::size_t i = 0; i < count; ++i) text.append(i ? "," : "").append(item);
    return text + "]}";
}

std::string object_of(std::size_t members)
{
    std::string text = "{";
    for (std::size_t i = 0; i < members; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    return text + "}";
}

} // namespace

TEST_CASE("each kind of value is read as it was written", "[json]")
{
    JsonReader reader;
    auto const& root = reader.read(
        R"({"s":"text","e":"\u00e9\n\"","n":-5,"u":18446744073709551615,"d":1.50,"t":true,"f":false,"z":null,"l":[1,[2,3],{}],"o":{"x":{"y":[]}}})");
    REQUIRE(root.is_object());
    CHECK(root.size() == 10);
    CHECK(root.find("s")->string() == "text");
    CHECK(root.find("e")->string() == "\xC3\xA9\n\"");
    CHECK(root.find("n")->int64() == -5);
    CHECK(root.find("u")->uint64() == 18446744073709551615U);
    CHECK(root.find("d")->floating() == 1.5);
    CHECK(root.find("d")->number_text() == "1.50");
    CHECK(root.find("t")->boolean());
    CHECK_FALSE(root.find("f")->boolean());
    CHECK(root.find("z")->is_null());
    std::vector<std::string> items;
    for (auto const& item : *root.find("l")) items.push_back(json_text(item));
    CHECK(items == std::vector<std::string>{"1", "[2,3]", "{}"});
    CHECK(json_text(*root.find("o")) == R"({"x":{"y":[]}})");
    CHECK(root.find("missing") == nullptr);
    CHECK(root.find("l")->find("x") == nullptr);
}

TEST_CASE("of a name that an object has twice the last member is found", "[json]")
{
    JsonReader reader;
    CHECK(reader.read(R"({"a":1,"b":{"a":7},"a":2})").find("a")->int64() == 2);
}

TEST_CASE("strings with escapes stay whole, however many a text has", "[json]")
{
    std::string text = "{";
    for (int i = 0; i < 500; ++i)
        text +=
            (i ? "," : "") + ("\"k\\u00e9" + std::to_string(i)) + "\":\"v\\n" + std::string(i, 'x') + "\"";
    JsonReader reader;
    auto const& root = reader.read(text + "}");
    int i = 0;
    for (auto const& member : root) {
        CHECK(member.name() == "k\xC3\xA9" + std::to_string(i));
        CHECK(member.string() == "v\n" + std::string(static_cast<std::size_t>(i), 'x'));
        ++i;
    }
    CHECK(i == 500);
}

TEST_CASE("a number's text is the sender's, also where a double has not all of its digits", "[json]")
{
    JsonReader reader;
    std::string const text = R"({"id":123456789012345678901234567890,"v":1.10,"e":1E5,"z":-0,"m":-0.0})";
    CHECK(json_text(reader.read(text)) == text);
    for (auto const* const alone :
        {"5", "-12", "1.25", "18446744073709551615", "123456789012345678901234567890"}) {
        INFO(alone);
        CHECK(json_text(reader.read(alone)) == alone);
    }
}

TEST_CASE("what is not JSON is refused with a reason", "[json]")
{
    for (auto const* text :
        {"", "{", "{} {}", "{\"a\":1,}", "{\"a\":\"\xFF\"}", "{\"a\":\"\\ud800\"}", "nul"}) {
        INFO(text);
        CHECK(fault_of(text).starts_with("[400.1] not JSON: "));
    }
}

TEST_CASE("JSON is read to a depth of 32", "[json]")
{
    CHECK(fault_of(nested(32)).empty());
    CHECK(fault_of(nested(33)).starts_with("[400.1] not JSON: "));
}

TEST_CASE("a number that no double holds is refused", "[json]")
{
    for (auto const* text : {R"({"a":1e400})", R"({"a":-1e400})", R"({"a":[{"b":1e309}]})"}) {
        INFO(text);
        CHECK(fault_of(text).starts_with("[400.1] a number"));
    }
    CHECK(fault_of(R"({"a":[1e308,-1e308,1e-400,18446744073709551616]})").empty());
}

TEST_CASE("an object of more than 1,024 members is refused, wherever it stands", "[json]")
{
    for (auto const* const before : {"", "{\"a\":", "{\"a\":[1,{\"b\":"}) {
        std::string const place(before);
        auto const* const after = place.empty() ? "" : place.size() < 8 ? "}" : "}]}";
        CHECK(fault_of(place + object_of(1024) + after).empty());
        CHECK(fault_of(place + object_of(1025) + after)
                  .starts_with("[400.1] an object has more than 1024 members"));
    }
}

TEST_CASE("a text of more than 100,000 values is refused, however they are nested", "[json]")
{
    // The object and the list are two of them.
    CHECK(fault_of(list_of("[]", 99'998)).empty());
    for (auto const* const item : {"[]", "{}", "1", "-1.5", "\"\"", "true", "null", "18446744073709551615"}) {
        INFO(item);
        CHECK(fault_of(list_of(item, 99'999))
                  .starts_with("[400.1] the frame has more than 100000 JSON values"));
    }
    CHECK(fault_of(list_of("[[[1]]]", 25'000))
              .starts_with("[400.1] the frame has more than 100000 JSON values"));
}

TEST_CASE("a reader starts each text afresh, also after one that it refused", "[json]")
{
    JsonReader reader;
    CHECK_THROWS_AS(reader.read(object_of(1025)), Error);
    CHECK(reader.read(list_of("\"\\n\"", 5000)).find("a")->size() == 5000);
    CHECK(json_text(reader.read("{\"a\":1}")) == "{\"a\":1}");
}

TEST_CASE("a document keeps its values when its source has gone and when it is moved", "[json]")
{
    auto text = std::make_unique<std::string>(R"({"a":"x\ty","b":[{"c":"d"},1.0],"e":{"f":"g"}})");
    JsonReader reader;
    JsonDocument whole(reader.read(*text));
    JsonDocument part(*whole.find("b"));
    text.reset();
    (void)reader.read("[]");
    std::vector<JsonDocument> moved;
    moved.push_back(std::move(whole));
    moved.push_back(std::move(part));
    CHECK(json_text(moved[0].root()) == R"({"a":"x\ty","b":[{"c":"d"},1.0],"e":{"f":"g"}})");
    CHECK(json_text(moved[1].root()) == R"([{"c":"d"},1.0])");
    CHECK(moved[1].root().name().empty());
    CHECK(json_text(JsonDocument().root()) == "{}");
}

TEST_CASE("hashes of what peers choose depend on a secret of the process", "[json]")
{
    auto const secret = hash_secret;
    auto const before = keyed_hash(1, 2);
    set_hash_secret(secret ^ 0x1234567890ABCDEFU);
    CHECK(keyed_hash(1, 2) != before);
    set_hash_secret(secret);
    CHECK(keyed_hash(1, 2) == before);
}
