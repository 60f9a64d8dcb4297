#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace elves {

enum class FrameFault { none, empty, too_large };

/// Cuts a stream of bytes into frames: a 4-byte unsigned big-endian length N, then N bytes (docs/protocol.md,
/// Frames). No I/O. After a fault it gives nothing more: the stream can't be trusted from there on.
class FrameReader {
public:
    explicit FrameReader(std::size_t max_frame) : max_frame_(max_frame) {}

    /// More bytes. They are not copied as long as whole frames can be cut from them: keep them until `next()`
    /// gives nothing or `hold()` was called.
    void put(std::string_view bytes);
    /// The next whole frame's text, valid until the next call of anything here; nothing where there is none
    /// yet.
    [[nodiscard]] std::optional<std::string_view> next();
    /// Copies what is left of the bytes that were put.
    void hold();

    /// Takes frames of up to `max_frame` bytes from now on, also one that was just too large.
    void set_limit(std::size_t max_frame) noexcept
    {
        max_frame_ = max_frame;
        if (fault_ == FrameFault::too_large) fault_ = FrameFault::none;
    }
    [[nodiscard]] std::size_t limit() const noexcept { return max_frame_; }

    /// What follows the last whole frame, its length first, as far as it has come.
    [[nodiscard]] std::string_view rest() const noexcept
    {
        return held_.empty() ? input_ : std::string_view(held_).substr(used_);
    }
    [[nodiscard]] FrameFault fault() const noexcept { return fault_; }
    /// Bytes kept for frames that aren't whole or weren't asked for.
    [[nodiscard]] std::size_t held() const noexcept { return held_.size() - used_; }

private:
    void drop_used();

    std::size_t max_frame_;
    std::string_view input_;
    std::string held_;
    std::size_t used_ = 0; ///< Bytes of `held_` that were given out.
    FrameFault fault_ = FrameFault::none;
};

/// Puts the length into the four bytes at `at`, where a frame that ends at the end of `out` begins.
void seal_frame(std::string& out, std::size_t at);

} // namespace elves
