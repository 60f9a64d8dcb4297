#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace elves {

/// 64 lower-case hex digits. Throws std::runtime_error where the library can't.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// Takes the same time wherever the two differ; the length of a secret is not hidden.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// That many bytes of the system's secure random source, as base64url text without `=`: 32 bytes are 43
/// characters. Throws std::runtime_error where there is none.
[[nodiscard]] std::string random_token(std::size_t bytes);

} // namespace elves
