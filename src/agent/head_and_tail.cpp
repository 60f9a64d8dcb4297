#include "agent/head_and_tail.hpp"

#include <algorithm>

#include "agent/bounded_text.hpp"
#include "agent/cut_line.hpp"

namespace elves::agent {

std::string HeadAndTail::put(std::string_view text)
{
    std::string head;
    if (!head_is_full_) {
        head = head_of(text, most_ / 2 - head_bytes_);
        head_is_full_ = head.size() < text.size();
        head_bytes_ += head.size();
        if (!head.empty()) head_ends_line_ = head.ends_with('\n');
        text.remove_prefix(head.size());
    }
    rest_bytes_ += text.size();
    tail_.append(text);
    constexpr std::size_t slack = std::size_t{64} * 1024;
    auto const room = tail_room();
    // Not at each piece: that would move the whole tail each time.
    if (tail_.size() > room + std::max(slack, room / 4)) tail_ = tail_of(tail_, room);
    return head;
}

std::string HeadAndTail::finish()
{
    if (!is_cut()) return std::move(tail_);
    if (most_ == 0) return {};
    auto const tail = tail_of(tail_, tail_room());
    return (head_ends_line_ ? "" : "\n") + cut_line(rest_bytes_ - tail.size()) + std::string(tail);
}

} // namespace elves::agent
