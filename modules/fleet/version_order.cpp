#include "version_order.hpp"

#include <algorithm>

namespace elves {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The first character of what is no number; the end, and a digit, lie between `~` and all others.
int rank(std::string_view text)
{
    if (text.empty() || is_digit(text.front())) return 0;
    auto const c = text.front();
    if (c == '~') return -1;
    return is_letter(c) ? c : 256 + static_cast<unsigned char>(c);
}

/// The number at the front, without zeros before it, which is taken off.
std::string_view take_number(std::string_view& text)
{
    auto const zeros = std::find_if(text.begin(), text.end(), [](char c) { return c != '0'; });
    text.remove_prefix(static_cast<std::size_t>(zeros - text.begin()));
    auto const end = std::find_if_not(text.begin(), text.end(), is_digit);
    auto const number = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(number.size());
    return number;
}

} // namespace

std::strong_ordering compare_versions(std::string_view a, std::string_view b)
{
    while (!a.empty() || !b.empty()) {
        while (rank(a) != 0 || rank(b) != 0) {
            if (auto const order = rank(a) <=> rank(b); order != 0) return order;
            a.remove_prefix(1);
            b.remove_prefix(1);
        }
        auto const number_a = take_number(a);
        auto const number_b = take_number(b);
        if (auto const order = number_a.size() <=> number_b.size(); order != 0) return order;
        if (auto const order = number_a.compare(number_b); order != 0) return order <=> 0;
    }
    return std::strong_ordering::equal;
}

} // namespace elves
