#include "elves/json_members.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "elves/json.hpp"

namespace elves {

namespace {

/// Eight characters at a time: nearly every text is sent as it is.
bool needs_escape(std::string_view text) noexcept
{
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    constexpr std::uint64_t highs = 0x8080'8080'8080'8080;
    // The highest bit of a byte that is 0; carries can only set more of them behind such a byte.
    auto const zero = [](std::uint64_t bytes) { return (bytes - ones) & ~bytes & highs; };
    std::uint64_t found = 0;
    auto const look_at = [&](std::uint64_t bytes) {
        auto const below_blank = (bytes - ones * ' ') & ~bytes & highs;
        found |= below_blank | zero(bytes ^ (ones * '"')) | zero(bytes ^ (ones * '\\'));
    };
    std::uint64_t bytes = 0;
    for (; text.size() >= sizeof bytes; text.remove_prefix(sizeof bytes)) {
        std::memcpy(&bytes, text.data(), sizeof bytes);
        look_at(bytes);
    }
    bytes = ones * ' ';
    if (!text.empty()) std::memcpy(&bytes, text.data(), text.size());
    look_at(bytes);
    return found != 0;
}

} // namespace

void append_json_string(std::string& out, std::string_view text)
{
    char piece[1024];
    if (!needs_escape(text)) {
        if (text.size() > sizeof piece - 2) {
            out.append(1, '"').append(text).append(1, '"');
            return;
        }
        // One append in place of three.
        piece[0] = '"';
        auto* const end = std::copy(text.begin(), text.end(), piece + 1);
        *end = '"';
        out.append(piece, text.size() + 2);
        return;
    }
    json::serializer serializer;
    serializer.reset(json::string_view(text));
    while (!serializer.done()) {
        auto const part = serializer.read(piece, sizeof piece);
        out.append(part.data(), part.size());
    }
}

} // namespace elves
