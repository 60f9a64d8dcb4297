#include "elves/short_name.hpp"

#include <algorithm>

namespace elves {

bool is_short_name(std::string_view name) noexcept
{
    constexpr std::size_t longest = 64;
    auto const is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= longest && is_alphanumeric(name.front()) &&
           std::all_of(name.begin(), name.end(),
               [&](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

} // namespace elves
