#include "task_pruner.hpp"

#include <algorithm>
#include <memory>

#include "elves/log.hpp"
#include "task_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t step = 200;
constexpr std::chrono::milliseconds pause = 20ms;
constexpr std::chrono::milliseconds longest_rest = 60s;

} // namespace

void TaskPruner::set_keep(std::chrono::seconds others, std::chrono::seconds failed)
{
    keep_others_ = others;
    keep_failed_ = failed;
}

void TaskPruner::start() { soon(rest()); }

/// A tenth of what is kept, so that a short time is kept too.
std::chrono::milliseconds TaskPruner::rest() const
{
    return std::clamp<std::chrono::milliseconds>(std::min(keep_others_, keep_failed_) / 10, 1s, longest_rest);
}

void TaskPruner::soon(std::chrono::milliseconds delay)
{
    timer_ = clock_.after(delay, [this] { prune(); });
}

void TaskPruner::prune()
{
    auto deleted = std::make_shared<std::int64_t>(0);
    auto const now = clock_.now();
    store_.post([deleted, others = now - keep_others_, failed = now - keep_failed_](
                    Db& db) { *deleted = task_records::prune(db, others, failed, step); },
        [this, deleted](std::exception_ptr const& failure) {
            if (failure) ELVES_LOG(warning, "old tasks were not pruned: the store did not take it");
            bool const more = !failure && *deleted >= step;
            soon(more ? pause : rest());
        });
}

} // namespace elves
