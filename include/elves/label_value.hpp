#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace elves {

/// `[a-z][a-z0-9_]{0,31}`: a fact's key. A label's is such a one, too.
[[nodiscard]] constexpr bool is_fact_key(std::string_view key) noexcept
{
    constexpr std::size_t longest = 32;
    auto const is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    return !key.empty() && key.size() <= longest && is_lower(key.front()) &&
           std::all_of(key.begin(), key.end(),
               [&](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '_'; });
}

/// The value of a label or a fact: 1 to 128 characters of UTF-8 without control characters.
[[nodiscard]] constexpr bool is_label_value(std::string_view value) noexcept
{
    constexpr std::size_t most = 128;
    std::size_t characters = 0;
    for (char const c : value) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F) return false;
        if ((byte & 0xC0U) != 0x80U) ++characters;
    }
    return characters >= 1 && characters <= most;
}

/// How many facts an agent may have, and labels a host.
inline constexpr std::size_t most_labels = 32;

} // namespace elves
