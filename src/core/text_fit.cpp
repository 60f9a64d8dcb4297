#include "elves/text_fit.hpp"

namespace elves {

namespace {

std::size_t cost_of(char byte) noexcept
{
    auto const value = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') return 2;
    if (value >= 0x20) return 1;
    bool const is_short = byte == '\b' || byte == '\f' || byte == '\n' || byte == '\r' || byte == '\t';
    return is_short ? 2 : 6;
}

bool is_within_character(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

} // namespace

std::size_t json_bytes(std::string_view text) noexcept
{
    std::size_t bytes = 0;
    for (auto const byte : text) bytes += cost_of(byte);
    return bytes;
}

std::string_view head_that_fits(std::string_view text, std::size_t bytes) noexcept
{
    std::size_t used = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        used += cost_of(text[at]);
        if (used <= bytes) continue;
        while (at > 0 && is_within_character(text[at])) --at;
        return text.substr(0, at);
    }
    return text;
}

std::string_view tail_that_fits(std::string_view text, std::size_t bytes) noexcept
{
    std::size_t used = 0;
    for (auto at = text.size(); at > 0; --at) {
        used += cost_of(text[at - 1]);
        if (used <= bytes) continue;
        while (at < text.size() && is_within_character(text[at])) ++at;
        return text.substr(at);
    }
    return text;
}

} // namespace elves
