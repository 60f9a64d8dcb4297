#include "store/read_lane.hpp"

#include <utility>

#include "elves/assert.hpp"

namespace elves {

ReadLane::ReadLane(std::string path, Limits limits, std::shared_ptr<Completions> completions)
    : path_(std::move(path)), limits_(limits), completions_(std::move(completions))
{
    for (std::size_t i = 0; i < limits_.threads; ++i) readers_.emplace_back(path_);
    readers_.front().open();
    for (auto& reader : readers_) threads_.emplace_back([this, &reader] { run(reader); });
}

ReadLane::~ReadLane() { stop(); }

void ReadLane::stop()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    std::deque<Read> gone;
    // The writer may still say what it has written.
    std::lock_guard const lock(mutex_);
    gone.swap(reads_);
}

bool ReadLane::add(Unit& unit, std::int64_t after)
{
    bool is_ready = false;
    {
        std::lock_guard const lock(mutex_);
        if (reads_.size() >= limits_.waiting) return false;
        reads_.push_back({std::move(unit), after});
        is_ready = has_ready();
    }
    if (is_ready) ready_.notify_one();
    return true;
}

void ReadLane::written(std::int64_t finished)
{
    bool is_ready = false;
    {
        std::lock_guard const lock(mutex_);
        ELVES_ASSERT(finished >= finished_, "a write that had finished is unfinished again");
        finished_ = finished;
        is_ready = has_ready();
    }
    if (is_ready) ready_.notify_all();
}

void ReadLane::run(StoreReader& reader)
{
    std::unique_lock lock(mutex_);
    while (true) {
        ready_.wait(lock, [&] { return stopping_ || has_ready(); });
        if (stopping_) break;
        std::vector<Unit> one;
        one.push_back(std::move(reads_.front().unit));
        reads_.pop_front();
        lock.unlock();
        reader.read(one.front(), limits_.time, stopping_);
        completions_->finish(std::move(one));
        lock.lock();
    }
}

} // namespace elves
