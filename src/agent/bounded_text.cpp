#include "agent/bounded_text.hpp"

namespace elves::agent {

static bool inside_character(char byte) noexcept
{
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

std::string_view head_of(std::string_view text, std::size_t bytes) noexcept
{
    if (text.size() <= bytes) return text;
    while (bytes > 0 && inside_character(text[bytes])) --bytes;
    return text.substr(0, bytes);
}

std::string_view tail_of(std::string_view text, std::size_t bytes) noexcept
{
    if (text.size() <= bytes) return text;
    auto from = text.size() - bytes;
    while (from < text.size() && inside_character(text[from])) ++from;
    return text.substr(from);
}

} // namespace elves::agent
