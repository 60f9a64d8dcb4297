#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace elves {

/// A pattern for a whole text: `*`, `?` (one character), `[a-z]`, `[!a-z]`. In a class `]` stands for itself
/// where it is first, and `-` at either end; there is no escape. Characters are those of UTF-8.
class Glob {
public:
    static constexpr std::size_t most_characters = 256;

    /// What is wrong with a pattern: where, in bytes, and what would be right.
    struct Fault {
        std::size_t at = 0;
        std::string expected;
    };
    [[nodiscard]] static std::optional<Fault> fault_of(std::string_view pattern);

    /// `pattern` has no fault.
    explicit Glob(std::string_view pattern);
    [[nodiscard]] bool matches(std::string_view text) const;

private:
    struct Piece {
        enum class Kind { character, any_character, any_text, one_of, none_of };
        Kind kind = Kind::character;
        char32_t character = 0;
        std::vector<std::pair<char32_t, char32_t>> ranges{}; ///< Of a class: first and last of each.
        [[nodiscard]] bool fits(char32_t c) const;
    };
    class Reader;
    std::vector<Piece> pieces_;
};

} // namespace elves
