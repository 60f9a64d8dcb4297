#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace elves::agent {

/// Keeps the beginning and the end of a long text: up to `most` bytes all of it, beyond that its first and
/// its last half of `most` bytes with a line `[N bytes left out]` between them. Fed in pieces of whole
/// characters; the beginning is handed on at once, the rest at the end. No I/O.
class HeadAndTail {
public:
    explicit HeadAndTail(std::size_t most) : most_(most) {}

    /// Returns what of the beginning is in this piece.
    [[nodiscard]] std::string put(std::string_view text);
    /// Returns the rest. Nothing is put after that.
    [[nodiscard]] std::string finish();
    /// Something was left out.
    [[nodiscard]] bool is_cut() const noexcept { return rest_bytes_ > tail_room(); }

private:
    [[nodiscard]] std::size_t tail_room() const noexcept { return most_ - head_bytes_; }

    std::size_t most_;
    std::size_t head_bytes_ = 0;
    bool head_is_full_ = false;
    bool head_ends_line_ = true;
    std::string tail_;
    std::size_t rest_bytes_ = 0; ///< After the head.
};

} // namespace elves::agent
