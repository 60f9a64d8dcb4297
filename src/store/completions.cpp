#include "store/completions.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>

namespace elves {

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
    std::vector<Unit> units;
    {
        std::lock_guard const lock(mutex_);
        units.swap(finished_);
        posted_ = false;
    }
    for (auto unit = units.begin(); unit != units.end() && !dropped_; ++unit) {
        auto const done = std::move(unit->done);
        // Work may share with the waiting coroutine what it read; from here it is the coroutine's alone.
        unit->work = nullptr;
        if (--out_ == 0) running_.reset();
        if (!done) continue;
        try {
            done(std::move(unit->error));
        } catch (...) {
            // Out of the loop's run(), as an exception of any handler; the others are still called after it.
            std::lock_guard const lock(mutex_);
            finished_.insert(
                finished_.begin(), std::make_move_iterator(unit + 1), std::make_move_iterator(units.end()));
            if (!finished_.empty() && !std::exchange(posted_, true)) post();
            throw;
        }
    }
}

void Completions::drop()
{
    dropped_ = true;
    running_.reset();
    std::vector<Unit> units;
    {
        std::lock_guard const lock(mutex_);
        units.swap(finished_);
    }
}

} // namespace elves
