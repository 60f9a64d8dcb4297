#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace elves {

/// One of the two streams that a worker prints to.
enum class OutputStream { output, errors };

inline constexpr std::array output_streams{OutputStream::output, OutputStream::errors};

/// As `tasklog.output` names it: `stdout` or `stderr`.
[[nodiscard]] constexpr std::string_view stream_text(OutputStream stream) noexcept
{
    return stream == OutputStream::output ? "stdout" : "stderr";
}

[[nodiscard]] constexpr std::optional<OutputStream> parse_stream(std::string_view text) noexcept
{
    for (auto const stream : output_streams) {
        if (text == stream_text(stream)) return stream;
    }
    return std::nullopt;
}

/// What one stream may take beside `[tasklog] max_output`: the line that says how much was left out.
inline constexpr std::size_t cut_line_room = 64;

} // namespace elves
