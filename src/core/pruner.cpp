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
    auto const result = std::make_shared<PruneResult>();
    store_.post(
        [result, step = step_, now = clock_.now(), most = most_](Db& db) { *result = step(db, now, most); },
        [this, result](std::exception_ptr const& failure) {
            if (failure) ELVES_LOG(warning, "old " << what_ << " were not pruned: the store did not take it");
            pruned(failure ? PruneResult() : *result);
        });
}

void Pruner::pruned(PruneResult result)
{
    bool const is_full = result.deleted >= most_;
    most_ = is_full ? std::min(2 * most_, largest_step) : first_step;
    look_after(is_full || result.has_more ? pause : rest_);
}

} // namespace elves
