#include "elves/json_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace elves {
namespace {

std::optional<std::int64_t> from_digits(std::string_view text)
{
    std::int64_t value = 0;
    auto const [end, fault] = std::from_chars(text.begin(), text.end(), value);
    if (fault != std::errc() || end != text.end()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> from_double(double value)
{
    constexpr double exact = 9007199254740992.0; // 2^53: above it a double skips whole numbers
    if (!(std::abs(value) <= exact) || std::trunc(value) != value) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

std::string number_text(double value)
{
    std::array<char, 32> digits{};
    auto const done = std::to_chars(digits.begin(), digits.end(), value);
    return {digits.begin(), done.ptr};
}

/// Most names and texts need no escape.
void append_quoted(std::string& out, std::string_view text)
{
    auto const needs_escape = [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    };
    if (std::any_of(text.begin(), text.end(), needs_escape)) {
        out += json::serialize(json::string_view(text));
    } else {
        out.append(1, '"').append(text).append(1, '"');
    }
}

void append_text(std::string& out, json::value const& value)
{
    char const* comma = "";
    if (auto const* const number = value.if_double()) {
        out += number_text(*number);
    } else if (auto const* const items = value.if_array()) {
        out += '[';
        for (auto const& item : *items) {
            out += std::exchange(comma, ",");
            append_text(out, item);
        }
        out += ']';
    } else if (auto const* const members = value.if_object()) {
        out += '{';
        for (auto const& [name, member] : *members) {
            out += std::exchange(comma, ",");
            append_quoted(out, name);
            out += ':';
            append_text(out, member);
        }
        out += '}';
    } else if (auto const* const text = value.if_string()) {
        append_quoted(out, *text);
    } else {
        out += json::serialize(value);
    }
}

} // namespace

std::optional<std::int64_t> whole_number(json::value const& value)
{
    if (auto const* number = value.if_int64()) return *number;
    if (auto const* number = value.if_double()) return from_double(*number);
    if (auto const* text = value.if_string()) return from_digits(*text);
    auto const* number = value.if_uint64();
    if (number == nullptr || *number > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return static_cast<std::int64_t>(*number);
}

std::string shown(json::value const& value)
{
    if (auto const* number = value.if_double()) return number_text(*number);
    json::serializer serializer;
    serializer.reset(&value);
    std::array<char, 48> buffer{};
    std::string text(serializer.read(buffer.data(), buffer.size()));
    if (serializer.done()) return text;
    // Not in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
    return text + "...";
}

std::string json_text(json::value const& value)
{
    std::string text;
    append_text(text, value);
    return text;
}

} // namespace elves
