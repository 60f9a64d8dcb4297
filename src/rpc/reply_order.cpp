#include "rpc/reply_order.hpp"

namespace elves {

std::uint64_t ReplyOrder::take_place()
{
    frames_.emplace_back();
    return first_ + frames_.size() - 1;
}

void ReplyOrder::fill(std::uint64_t place, std::string frame, std::string& out)
{
    held_ += frame.size();
    frames_[place - first_] = std::move(frame);
    while (!frames_.empty() && frames_.front()) {
        held_ -= frames_.front()->size();
        out += *frames_.front();
        frames_.pop_front();
        ++first_;
    }
}

} // namespace elves
