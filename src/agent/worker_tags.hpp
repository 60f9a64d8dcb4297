#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace elves::agent {

/// A part of a worker's text: one of the four tags, or text between them.
struct TagToken {
    enum class Kind { text, flag_open, flag_close, result_open, result_close };
    Kind kind = Kind::text;
    std::string_view text; ///< As it was printed, tags too.
};

/// Takes the next token off `rest`. Nothing: `rest` is empty, or begins what may become a tag (at most 14
/// bytes); more text is needed.
[[nodiscard]] std::optional<TagToken> next_token(std::string_view& rest);

/// Reads what stands between `<ElvesWFlag>` and `</ElvesWFlag>`: `true` or `false`; case and blanks around it
/// do not matter. A flag that is not closed, or is neither, is no flag.
class FlagReader {
public:
    /// Returns the flag that this token completes.
    [[nodiscard]] std::optional<bool> put(TagToken const& token);

private:
    bool is_open_ = false;
    std::string text_;
};

} // namespace elves::agent
