#include "core/frame_reader.hpp"

#include <cstdint>

#include "elves/assert.hpp"

namespace elves {

namespace {

constexpr std::size_t header = 4;
/// A connection that is quiet keeps no more than this.
constexpr std::size_t kept_capacity = 4096;

std::size_t length_at(std::string_view bytes)
{
    std::size_t length = 0;
    for (std::size_t i = 0; i < header; ++i) length = length << 8 | static_cast<std::uint8_t>(bytes[i]);
    return length;
}

} // namespace

void FrameReader::put(std::string_view bytes)
{
    drop_used();
    if (held_.empty()) {
        input_ = bytes;
    } else {
        held_ += bytes;
    }
}

std::optional<std::string_view> FrameReader::next()
{
    auto const bytes = rest();
    if (fault_ != FrameFault::none) return std::nullopt;
    if (bytes.size() >= header) {
        auto const length = length_at(bytes);
        if (length == 0) fault_ = FrameFault::empty;
        if (length > max_frame_) fault_ = FrameFault::too_large;
        if (fault_ != FrameFault::none) return std::nullopt;
        if (bytes.size() - header >= length) {
            if (held_.empty()) {
                input_.remove_prefix(header + length);
            } else {
                used_ += header + length;
            }
            return bytes.substr(header, length);
        }
    }
    hold();
    drop_used();
    return std::nullopt;
}

void FrameReader::hold()
{
    if (held_.empty()) held_ = input_;
    input_ = {};
}

void FrameReader::drop_used()
{
    ELVES_ASSERT(used_ <= held_.size(), "more bytes were given out than were kept");
    held_.erase(0, used_);
    used_ = 0;
    if (held_.empty() && held_.capacity() > kept_capacity) std::string().swap(held_);
}

void seal_frame(std::string& out, std::size_t at)
{
    ELVES_ASSERT(out.size() > at + header && out.size() - at - header <= 0xFFFFFFFF,
        "a frame's text has 1 byte to 4 GiB");
    auto const length = out.size() - at - header;
    for (std::size_t i = 0; i < header; ++i) {
        out[at + i] = static_cast<char>(static_cast<std::uint8_t>(length >> (8 * (header - 1 - i))));
    }
}

} // namespace elves
