#include "agent/head_and_tail.hpp"

#include "catch.hpp"

using namespace elves::agent;

namespace {

/// As it comes out, fed in pieces of `piece` bytes.
std::string kept(std::size_t most, std::string const& text, std::size_t piece)
{
    HeadAndTail cut(most);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece) out += cut.put(text.substr(at, piece));
    return out + cut.finish();
}

} // namespace

TEST_CASE("a text up to the bound stays whole, however it is cut", "[head_and_tail]")
{
    for (std::size_t const size : {0, 1, 499, 500, 501, 999, 1'000}) {
        std::string text;
        while (text.size() < size) text += static_cast<char>('a' + text.size() % 26);
        for (std::size_t const piece : {1, 7, 1'000}) CHECK(kept(1'000, text, piece) == text);
        HeadAndTail cut(1'000);
        static_cast<void>(cut.put(text));
        static_cast<void>(cut.finish());
        CHECK_FALSE(cut.is_cut());
    }
}

TEST_CASE(
    "of a longer text the first and the last half stay, and a line says how much does not", "[head_and_tail]")
{
    auto const text = std::string(500, 'h') + std::string(200'000, 'm') + std::string(500, 't');
    auto const expected = std::string(500, 'h') + "\n[200000 bytes left out]\n" + std::string(500, 't');
    for (std::size_t const piece : {1, 333, 65'536, 300'000}) CHECK(kept(1'000, text, piece) == expected);
    auto const lines = std::string(499, 'h') + "\n" + std::string(1, 'm') + std::string(500, 't');
    CHECK(kept(1'000, lines, 10) == std::string(499, 'h') + "\n[1 bytes left out]\n" + std::string(500, 't'));
}

TEST_CASE("no character is cut in two", "[head_and_tail]")
{
    std::string euros;
    for (int i = 0; i < 1'000; ++i) euros += "\xE2\x82\xAC";
    HeadAndTail cut(1'000);
    auto out = cut.put(euros);
    CHECK(out.size() == 498);
    out += cut.finish();
    CHECK(cut.is_cut());
    CHECK(out.ends_with("left out]\n" + euros.substr(0, 501)));
}

TEST_CASE("without room nothing is kept, and it is cut", "[head_and_tail]")
{
    HeadAndTail cut(0);
    CHECK(cut.put("a").empty());
    CHECK(cut.finish().empty());
    CHECK(cut.is_cut());
}
