#pragma once

#include <set>
#include <string>
#include <string_view>

namespace elves {

/// The word of `known` that `word` is most likely a misspelling of; empty where none is near.
[[nodiscard]] std::string nearest_word(
    std::string_view word, std::set<std::string, std::less<>> const& known);

} // namespace elves
