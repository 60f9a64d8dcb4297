#include "glob.hpp"

#include "catch.hpp"

using namespace elves;

TEST_CASE("a glob is for the whole text", "[fleet]")
{
    struct Row {
        char const* pattern;
        char const* text;
        bool matches;
    };
    for (auto const& row : {Row{"web*", "web1", true}, {"web*", "web", true}, {"web*", "aweb1", false},
             {"*", "", true}, {"?", "", false}, {"?", "ü", true}, {"?", "ab", false}, {"*b*", "abc", true},
             {"a*b*c", "a1b2c", true}, {"a*b*c", "a1b2", false}, {"**a", "bba", true}, {"[a-c]x", "bx", true},
             {"[a-c]x", "dx", false}, {"[!a-c]x", "dx", true}, {"[!a-c]x", "ax", false}, {"[]]", "]", true},
             {"[!]]", "]", false}, {"[-a]", "-", true}, {"[a-]", "-", true}, {"[a-]", "b", false},
             {"[ä-ü]", "ö", true}, {"a.c", "abc", false}, {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa", false},
             {"\\*", "\\x", true}, {"", "", true}, {"", "a", false}}) {
        CAPTURE(row.pattern, row.text);
        REQUIRE_FALSE(Glob::fault_of(row.pattern));
        CHECK(Glob(row.pattern).matches(row.text) == row.matches);
    }
}

TEST_CASE("a class that is not closed, is empty or goes backward is refused where it stands", "[fleet]")
{
    struct Row {
        char const* pattern;
        std::size_t at;
    };
    for (auto const& row : {Row{"web[", 3}, {"[a", 0}, {"[]", 0}, {"[!]", 0}, {"a[z-a]", 2}, {"[a-", 0}}) {
        CAPTURE(row.pattern);
        auto const fault = Glob::fault_of(row.pattern);
        REQUIRE(fault);
        CHECK(fault->at == row.at);
    }
    CHECK(Glob::fault_of(std::string(257, 'a')));
    CHECK_FALSE(Glob::fault_of(std::string(256, 'a')));
}
