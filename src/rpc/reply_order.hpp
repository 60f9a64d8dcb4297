#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace elves {

/// Puts replies to calls without `mqid` into the order of the calls. No I/O.
class ReplyOrder {
public:
    /// Nothing is waiting: a reply that is ready now may leave at once.
    [[nodiscard]] bool free() const noexcept { return frames_.empty(); }
    /// Bytes of the replies that wait for one before them.
    [[nodiscard]] std::size_t held() const noexcept { return held_; }
    /// A place for a reply that comes later.
    [[nodiscard]] std::uint64_t take_place();
    /// The reply for that place; appends to `out` every frame whose turn has come.
    void fill(std::uint64_t place, std::string frame, std::string& out);

private:
    /// Each link has one, mostly empty: the standard library's would take half a KiB for that.
    boost::container::deque<std::optional<std::string>> frames_;
    std::size_t held_ = 0;
    std::uint64_t first_ = 0; ///< The place of `frames_.front()`.
};

} // namespace elves
