#pragma once

#include <string_view>

namespace elves::http {

/// The HTTP status for the code of a refusal (docs/http.md, Answers); 200 for "".
[[nodiscard]] int status_of(std::string_view code) noexcept;

} // namespace elves::http
