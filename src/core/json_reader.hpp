#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "elves/json_value.hpp"

namespace elves {

/// Limits of every JSON text that is received, whoever sends it (docs/protocol.md, Frames).
inline constexpr std::size_t max_object_members = 1024;
inline constexpr std::size_t max_json_values = 100'000;
inline constexpr std::size_t max_json_depth = 32;

/// Parses one JSON text after the other, strictly, and keeps its memory for the next. The time that a text
/// takes is proportional to its length.
class JsonReader {
public:
    /// Valid until the next call, and as long as `text` is. Throws Error 400.1 that says what is wrong: not
    /// JSON, not UTF-8, over a limit, or a number over what a double holds.
    [[nodiscard]] JsonValue const& read(std::string_view text);

private:
    void keep_little();

    std::vector<JsonValue> values_;
    std::unique_ptr<char[]> decoded_; ///< Strings that the text has with escapes.
};

} // namespace elves
