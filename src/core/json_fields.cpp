#include "elves/json_fields.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace elves {
namespace {

std::optional<std::int64_t> from_digits(std::string_view text)
{
    constexpr std::size_t most = 18; // what fits an int64 whatever the digits are
    auto const digits = text.substr(text.starts_with('-') ? 1 : 0);
    std::int64_t value = 0;
    auto const [end, fault] = std::from_chars(text.begin(), text.end(), value);
    if (digits.empty() || digits.size() > most || fault != std::errc() || end != text.end())
        return std::nullopt;
    return value;
}

std::optional<std::int64_t> from_double(double value)
{
    constexpr double exact = 9007199254740992.0; // 2^53: above it a double skips whole numbers
    if (!(std::abs(value) <= exact) || std::trunc(value) != value) return std::nullopt;
    return static_cast<std::int64_t>(value);
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
    // The parser makes 5E-1 of 0.5, and the serializer prints that so: people wrote 0.5.
    if (auto const* number = value.if_double()) {
        std::array<char, 32> digits{};
        auto const done = std::to_chars(digits.begin(), digits.end(), *number);
        return {digits.begin(), done.ptr};
    }
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

} // namespace elves
