#include "core/setting_value.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

#include "elves/trimmed.hpp"

namespace elves {

namespace {

constexpr std::string_view quotes = "\"'";

[[noreturn]] void refuse(std::string const& why) { throw std::invalid_argument(why); }

/// Characters that word processors and web pages put in place of a blank or a quote, or that nobody sees.
bool is_deceptive(std::uint32_t c)
{
    return c == 0xa0 || c == 0xad || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2018 && c <= 0x201f) ||
           (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x2064) || c == 0x3000 || c == 0xfeff;
}

/// Of UTF-8 that is known to be whole.
std::uint32_t next_character(std::string_view& text)
{
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto const first = byte(0);
    std::size_t const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t character = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < std::min(length, text.size()); ++i)
        character = character << 6U | (byte(i) & 0x3fU);
    text.remove_prefix(std::min(length, text.size()));
    return character;
}

void require_plain_characters(std::string_view text)
{
    while (!text.empty()) {
        auto const character = next_character(text);
        if (!is_deceptive(character)) continue;
        std::array<char, 16> name{};
        std::snprintf(name.data(), name.size(), "U+%04X", static_cast<unsigned>(character));
        refuse(
            "the value has the character " + std::string(name.data()) +
            ", which looks like a blank or a quote, but is another character; retype it, or quote the value");
    }
}

/// `text` begins with a quote.
std::string quoted_value(std::string_view text)
{
    auto const end = text.find(text.front(), 1);
    if (end == std::string_view::npos)
        refuse(std::string("the quote ") + text.front() + " is not closed in this line; close it");
    auto const rest = text.substr(end + 1);
    if (!trimmed(without_comment(rest)).empty())
        refuse("there is \"" + std::string(trimmed(rest)) +
               "\" after the closing quote; put the whole value in one pair of quotes");
    return std::string(text.substr(1, end - 1));
}

std::string bare_value(std::string_view text)
{
    text = trimmed(without_comment(text));
    if (text.find_first_of(quotes) != std::string_view::npos)
        refuse(
            "there is a quote in the value; put the whole value in quotes of the other kind, or take it out");
    if (text.ends_with('\\'))
        refuse("the value ends with a backslash; a value cannot go on in the next line");
    require_plain_characters(text);
    return std::string(text);
}

} // namespace

std::string_view without_comment(std::string_view line)
{
    for (std::size_t i = 0; i < line.size(); ++i) {
        bool const begins = line[i] == '#' || line[i] == ';';
        if (begins && (i == 0 || is_blank(line[i - 1]))) return line.substr(0, i);
    }
    return line;
}

std::string setting_value(std::string_view text)
{
    text = trimmed(text);
    bool const is_quoted = !text.empty() && quotes.find(text.front()) != std::string_view::npos;
    auto value = is_quoted ? quoted_value(text) : bare_value(text);
    if (trimmed(value).empty()) refuse("the value is empty; give one, or leave the line out");
    return value;
}

} // namespace elves
