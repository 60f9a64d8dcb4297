#pragma once

#include <cstddef>
#include <string_view>

namespace elves {

/// Bytes of a text inside a JSON string, without its quotes: a control character takes six.
[[nodiscard]] std::size_t json_bytes(std::string_view text) noexcept;

/// The longest beginning of a UTF-8 text that takes at most `bytes` inside a JSON string. No character is cut
/// in two.
[[nodiscard]] std::string_view head_that_fits(std::string_view text, std::size_t bytes) noexcept;
/// The same of its end.
[[nodiscard]] std::string_view tail_that_fits(std::string_view text, std::size_t bytes) noexcept;

/// What a frame of `max_frame` bytes has for texts: the rest is for its envelope and its short fields.
[[nodiscard]] constexpr std::size_t text_room(std::size_t max_frame) noexcept
{
    constexpr std::size_t envelope = 4096;
    return max_frame > 2 * envelope ? max_frame - envelope : max_frame / 2;
}

} // namespace elves
