#include "wrong_tries.hpp"

#include <algorithm>

namespace elves {

namespace {

constexpr std::chrono::milliseconds first_wait{50};
constexpr std::chrono::milliseconds longest_wait{2'000};
constexpr std::chrono::minutes memory{1};
/// Where the doubling has long passed the longest wait.
constexpr int most_tries = 10;
constexpr std::size_t most_waiting = 1'024;
constexpr std::size_t most_waiting_of_one = 32;

} // namespace

WrongTries::Verdict WrongTries::note(Ip const& address, Clock::Steady now)
{
    auto const from = rate_limit_key(address);
    auto const known = by_ip_.find(from);
    if (known == by_ip_.end()) {
        if (by_ip_.size() >= most_) {
            by_ip_.erase(guessers_.back().ip);
            guessers_.pop_back();
        }
        guessers_.push_front({from, 0, now});
        by_ip_.emplace(from, guessers_.begin());
    } else {
        guessers_.splice(guessers_.begin(), guessers_, known->second);
    }
    auto& guesser = guessers_.front();
    if (now - guesser.last > memory) guesser.tries = 0;
    guesser.last = now;
    bool const is_news = guesser.tries < most_tries;
    guesser.tries = std::min(guesser.tries + 1, most_tries);
    return {std::min(first_wait * (1 << (guesser.tries - 1)), longest_wait), is_news};
}

bool WrongTries::begin_wait(Ip const& address)
{
    if (all_waiting_ >= most_waiting) return false;
    auto& waiting = waiting_[rate_limit_key(address)];
    if (waiting >= most_waiting_of_one) return false;
    ++waiting;
    ++all_waiting_;
    return true;
}

void WrongTries::end_wait(Ip const& address)
{
    auto const found = waiting_.find(rate_limit_key(address));
    if (--found->second == 0) waiting_.erase(found);
    --all_waiting_;
}

} // namespace elves
