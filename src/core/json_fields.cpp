#include "elves/json_fields.hpp"

#include <charconv>
#include <cmath>
#include <utility>

namespace elves {
namespace {

std::optional<std::int64_t> from_double(double value)
{
    constexpr double exact = 9007199254740992.0; // 2^53: above it a double skips whole numbers
    if (!(std::abs(value) <= exact) || std::trunc(value) != value) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

constexpr std::size_t most_shown = 48;

/// Not in the middle of a character.
void cut(std::string& text)
{
    text.resize(most_shown);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
    text += "...";
}

/// Appends the JSON text of `value`, and stops soon after `most_shown` bytes.
void append_start(std::string& out, JsonValue const& value)
{
    bool const is_container = value.is_list() || value.is_object();
    if (value.is_string()) {
        out += json::serialize(json::string_view(value.string().substr(0, most_shown + 1)));
        return;
    }
    if (!is_container) {
        out += json_text(value);
        return;
    }
    out += value.is_list() ? '[' : '{';
    char const* comma = "";
    for (auto const& part : value) {
        if (out.size() > most_shown) return;
        out += std::exchange(comma, ",");
        if (value.is_object())
            out.append(json::serialize(json::string_view(part.name().substr(0, most_shown)))) += ':';
        append_start(out, part);
    }
    out += value.is_list() ? ']' : '}';
}

} // namespace

std::optional<std::int64_t> whole_number(JsonValue const& value)
{
    if (value.is_int64()) return value.int64();
    if (value.is_double()) return from_double(value.floating());
    if (value.is_string()) return whole_number(value.string());
    // What a uint64 alone holds is over the range.
    return std::nullopt;
}

std::optional<std::int64_t> whole_number(std::string_view digits)
{
    std::int64_t value = 0;
    auto const [end, fault] = std::from_chars(digits.begin(), digits.end(), value);
    if (fault != std::errc() || end != digits.end()) return std::nullopt;
    return value;
}

std::string shown(JsonValue const& value)
{
    std::string text;
    append_start(text, value);
    if (text.size() > most_shown) cut(text);
    return text;
}

std::string shown(std::string_view text)
{
    auto quoted = json::serialize(json::string_view(text.substr(0, most_shown + 1)));
    if (quoted.size() > most_shown) cut(quoted);
    return quoted;
}

} // namespace elves
