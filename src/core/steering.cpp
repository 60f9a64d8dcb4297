#include "core/steering.hpp"

namespace elves {

std::size_t steering(std::string_view text)
{
    auto const byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
    bool const is_c1 = byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0;
    if (is_c1 || text.starts_with("\xD8\x9C")) return 2;
    bool const marks =
        byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F || (byte(2) >= 0xAA && byte(2) <= 0xAE));
    bool const isolates = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;
    return byte(0) == 0xE2 && (marks || isolates) ? 3 : 0;
}

} // namespace elves
