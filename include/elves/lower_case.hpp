#pragma once

#include <string>
#include <string_view>

namespace elves {

/// The letter in lower case, where it is one of ASCII's: what protocols compare without regard to case is
/// never another, and no locale has a say.
[[nodiscard]] constexpr char lower_case(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// `text` with each of its letters so.
[[nodiscard]] inline std::string lower_case(std::string_view text)
{
    std::string all(text);
    for (auto& c : all) c = lower_case(c);
    return all;
}

} // namespace elves
