#pragma once

#include <string>
#include <string_view>

namespace elves {

/// Makes valid UTF-8 of whatever bytes come, in pieces of any length. What is ill-formed becomes U+FFFD: one
/// for each longest piece that could have begun a character (the way of the WHATWG and of Unicode's chapter
/// 3).
class Utf8Repair {
public:
    /// What can be said of the bytes so far and was not yet returned; a character that `bytes` begins and
    /// does not end is held until the next call.
    [[nodiscard]] std::string put(std::string_view bytes);
    /// What is still held, now as U+FFFD. The object is then as new.
    [[nodiscard]] std::string finish();

private:
    void take(char byte, std::string& out);

    std::string held_;            // the beginning of a character, at most three bytes
    unsigned missing_ = 0;        // bytes until its end
    unsigned char lowest_ = 0x80; // what the next byte may be
    unsigned char highest_ = 0xBF;
};

/// A whole text at once.
[[nodiscard]] std::string repaired(std::string_view bytes);

[[nodiscard]] bool is_utf8(std::string_view bytes);

} // namespace elves
