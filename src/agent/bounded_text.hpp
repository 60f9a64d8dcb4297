#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace elves::agent {

/// The beginning of a UTF-8 text: at most `bytes`, no character cut in two.
[[nodiscard]] std::string_view head_of(std::string_view text, std::size_t bytes) noexcept;
/// The end of a UTF-8 text: at most `bytes`, no character cut in two.
[[nodiscard]] std::string_view tail_of(std::string_view text, std::size_t bytes) noexcept;

} // namespace elves::agent
