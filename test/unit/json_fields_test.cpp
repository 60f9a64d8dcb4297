#include "elves/json_fields.hpp"

#include "catch.hpp"
#include "elves/json_document.hpp"

using elves::json_text;
using elves::JsonDocument;
using elves::shown;
using elves::whole_number;
namespace json = elves::json;

TEST_CASE("a whole number comes as a number or as digits", "[json_fields]")
{
    struct Row {
        char const* text;
        std::int64_t number;
    };
    for (auto const& row : {Row{"0", 0}, Row{"-3", -3}, Row{"12.0", 12}, Row{"1e3", 1000}, Row{"\"12\"", 12},
             Row{"\"-12\"", -12}, Row{"\"007\"", 7}, Row{"\"00000000000000000000007\"", 7},
             Row{"9223372036854775807", 9223372036854775807},
             Row{"\"9223372036854775807\"", 9223372036854775807},
             Row{"\"-9223372036854775807\"", -9223372036854775807},
             Row{"9007199254740992.0", 9007199254740992}}) {
        INFO(row.text);
        CHECK(whole_number(JsonDocument::parse(row.text).root()) == row.number);
    }
}

TEST_CASE("the rest is no whole number", "[json_fields]")
{
    for (auto const* const text :
        {"\"\"", "\"-\"", "\"+1\"", "\" 1\"", "\"1 \"", "\"1.0\"", "\"1e3\"", "\"0x1\"", "\"1\\u0000\"",
            "\"9223372036854775808\"", "\"99999999999999999999\"", "\"--1\"", "0.5", "1e300", "-1e300",
            "9223372036854775808", "18446744073709551616", "true", "null", "[1]", "{}"}) {
        INFO(text);
        CHECK_FALSE(whole_number(JsonDocument::parse(text).root()));
    }
}

TEST_CASE("a value is shown as it was written, and cut short between two characters", "[json_fields]")
{
    CHECK(shown(JsonDocument::parse("0.5").root()) == "0.5");
    CHECK(shown("a\nb") == "\"a\\nb\"");
    CHECK(shown(JsonDocument::parse("{\"a\":[1]}").root()) == "{\"a\":[1]}");
    CHECK(shown(std::string(1000, 'x')) == "\"" + std::string(47, 'x') + "...");
    CHECK(shown(std::string(46, 'x') + "\xE2\x82\xAC and on") == "\"" + std::string(46, 'x') + "...");
    for (std::size_t cut = 40; cut < 50; ++cut) {
        auto const text =
            shown(std::string(cut, 'x') + "\xE2\x82\xAC\xF0\x9F\x98\x80" + std::string(60, 'y'));
        CHECK(text.ends_with("..."));
        json::error_code fault;
        (void)json::parse(text + "\"", fault);
        CHECK_FALSE(fault);
    }
}

TEST_CASE("a value's text has no blanks, and numbers as people write them", "[json_fields]")
{
    for (std::string const text :
        {"0.5", "-1.25", "1e+300", "7", "-7", "18446744073709551615", "true", "null", R"("a\"b")", "[]", "{}",
            R"([1,0.5,[{"a":0.1,"b":[]}],"x"])", R"({"k\"ey":{"deep":[1.5,null]}})"}) {
        CAPTURE(text);
        CHECK(json_text(JsonDocument::parse(text).root()) == text);
    }
    CHECK(json_text(JsonDocument::parse(R"({ "a" : [ 1 , 2.0 ] })").root()) == R"({"a":[1,2.0]})");
}
