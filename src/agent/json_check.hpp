#pragma once

#include <string_view>

namespace elves::agent {

/// Is `text` one JSON value, at most 32 levels deep? Reads it once and keeps nothing of it, so that its cost
/// grows with its size alone, whatever its keys are.
[[nodiscard]] bool is_json(std::string_view text);

} // namespace elves::agent
