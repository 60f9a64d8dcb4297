#include "rpc/reply_order.hpp"

#include "elves/assert.hpp"

namespace elves {

std::uint64_t ReplyOrder::take_place()
{
    frames_.emplace_back();
    return first_ + frames_.size() - 1;
}

void ReplyOrder::fill(std::uint64_t place, std::string frame, std::string& out)
{
    ELVES_ASSERT(place >= first_ && place - first_ < frames_.size(), "a reply for a place that nobody took");
    ELVES_ASSERT(!frames_[place - first_], "a second reply for one call");
    held_ += frame.size();
    frames_[place - first_] = std::move(frame);
    while (!frames_.empty() && frames_.front()) {
        ELVES_ASSERT(held_ >= frames_.front()->size(), "fewer bytes wait than the next reply has");
        held_ -= frames_.front()->size();
        out += *frames_.front();
        frames_.pop_front();
        ++first_;
    }
}

} // namespace elves
