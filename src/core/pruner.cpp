#include "elves/pruner.hpp"

#include <algorithm>
#include <memory>

#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t first_step = 200;
constexpr std::int64_t largest_step = 1'600;
constexpr std::chrono::milliseconds pause = 20ms;
constexpr std::chrono::milliseconds shortest_rest = 1s;
constexpr std::chrono::milliseconds longest_rest = 60s;

} // namespace

void Pruner::set(std::chrono::milliseconds keep, Step step)
{
    rest_ = std::clamp(keep / 10, shortest_rest, longest_rest);
    step_ = std::move(step);
    most_ = first_step;
}

void Pruner::look_after(std::chrono::milliseconds delay)
{
    timer_ = clock_.after(delay, [this] { prune(); });
}

void Pruner::prune()
{
    auto const count = std::make_shared<std::int64_t>(0);
    store_.post(
        [count, step = step_, now = clock_.now(), most = most_](Db& db) { *count = step(db, now, most); },
        [this, count](std::exception_ptr const& failure) {
            if (failure) ELVES_LOG(warning, "old " << what_ << " were not pruned: the store did not take it");
            pruned(failure ? 0 : *count);
        });
}

void Pruner::pruned(std::int64_t count)
{
    bool const more = count >= most_;
    most_ = more ? std::min(2 * most_, largest_step) : first_step;
    look_after(more ? pause : rest_);
}

} // namespace elves
