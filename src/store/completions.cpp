#include "store/completions.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>

#include "elves/assert.hpp"

namespace elves {

namespace {

/// Of a large commit the rest waits for the loop's next turn: what else is ready, presence above all, comes
/// in between. One unit may be a single task or a whole step of a run, so that time counts too.
constexpr std::size_t most_a_turn = 64;
constexpr std::size_t units_a_look = 8;
constexpr std::chrono::microseconds longest_turn{500};

} // namespace

void Completions::expect()
{
    if (out_++ == 0) running_.emplace(loop_);
}

void Completions::finish(std::vector<Unit> units)
{
    std::lock_guard const lock(mutex_);
    if (finished_.empty()) {
        finished_ = std::move(units);
    } else {
        std::move(units.begin(), units.end(), std::back_inserter(finished_));
    }
    if (!std::exchange(posted_, true)) post();
}

void Completions::post()
{
    asio::post(loop_, [self = shared_from_this()] { self->deliver(); });
}

void Completions::deliver()
{
    if (next_ == coming_.size()) {
        std::lock_guard const lock(mutex_);
        coming_.clear();
        next_ = 0;
        coming_.swap(finished_);
    }
    try {
        auto const until = std::chrono::steady_clock::now() + longest_turn;
        for (std::size_t i = 0; i < most_a_turn && next_ < coming_.size() && !dropped_; ++i) {
            if (i % units_a_look == units_a_look - 1 && std::chrono::steady_clock::now() > until) break;
            take(std::exchange(coming_[next_++], Unit()));
        }
    } catch (...) {
        // Out of the loop's run(), as an exception of any handler; the others are still called after it.
        go_on();
        throw;
    }
    go_on();
}

void Completions::take(Unit unit)
{
    // Work may share with the waiting coroutine what it read; from here it is the coroutine's alone.
    unit.work = nullptr;
    ELVES_ASSERT(out_ > 0, "more units come back than went out");
    if (--out_ == 0) running_.reset();
    if (unit.done) unit.done(std::move(unit.error));
}

void Completions::go_on()
{
    std::lock_guard const lock(mutex_);
    posted_ = next_ < coming_.size() || !finished_.empty();
    if (posted_) post();
}

void Completions::drop()
{
    dropped_ = true;
    running_.reset();
    coming_.clear();
    next_ = 0;
    std::vector<Unit> units;
    {
        std::lock_guard const lock(mutex_);
        units.swap(finished_);
    }
}

} // namespace elves
