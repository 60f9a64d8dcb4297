// Tasks that were kept for long enough, found by their age: keys grow with time.
#include <algorithm>
#include <limits>

#include "task_columns.hpp"

namespace elves::task_records {

namespace {

/// Tasks that one step looks at: some ms.
constexpr std::int64_t most_looked_at = 5'000;
constexpr std::chrono::milliseconds longest_round = std::chrono::hours(1);

constexpr auto select_old = "SELECT r.key, coalesce(r.own_id, r.key), r.start_time, " TASK_STATUS
                            ", o.cancel_due, o.end_after, r.run "
                            "FROM task_requests AS r LEFT JOIN task_outcomes AS o ON o.key = r.key "
                            "WHERE r.key > ?1 ORDER BY r.key LIMIT ?2";
constexpr auto delete_request = "DELETE FROM task_requests WHERE key=?";
constexpr auto delete_outcome = "DELETE FROM task_outcomes WHERE key=?";
constexpr auto delete_processing = "DELETE FROM task_processing WHERE key=?";
constexpr auto delete_blocks =
    "DELETE FROM task_blocks WHERE block < (SELECT block FROM task_requests ORDER BY key LIMIT 1)";

/// Where a connection's walk from the oldest task to the youngest one stands.
class PruneWalk final : public TransactionPart {
public:
    /// After each of those it begins anew, where it has come to its end.
    void set_off(Instant now, std::chrono::milliseconds round)
    {
        bool const is_due = now - begun_ >= round || now < begun_;
        if (is_over_ && is_due) {
            after_ = std::numeric_limits<std::int64_t>::min();
            begun_ = now;
        }
        is_over_ = false;
    }
    void pass(std::int64_t key) { after_ = key; }
    void end() { is_over_ = true; }
    [[nodiscard]] std::int64_t after() const noexcept { return after_; }
    [[nodiscard]] bool is_over() const noexcept { return is_over_; }

    void before_commit(Db&) override {}
    void on_rollback() noexcept override
    {
        after_ = std::numeric_limits<std::int64_t>::min();
        is_over_ = true;
        begun_ = {};
    }

private:
    std::int64_t after_ = std::numeric_limits<std::int64_t>::min();
    bool is_over_ = true;
    Instant begun_{};
};

struct OldTask {
    std::int64_t key = 0;
    TaskId id;
};

bool has_gone_well(TaskStatus status)
{
    return status == TaskStatus::done || status == TaskStatus::canceled || status == TaskStatus::skipped;
}

/// Finished, for longer than it is kept.
bool is_old(Run const& row, Instant now, KeepTimes const& keep)
{
    auto const status = row.number(3);
    bool const is_over = status >= static_cast<std::int64_t>(TaskStatus::done) && row.number(4) == 0;
    if (!is_over || row.is_null(5)) return false;
    auto const kept = has_gone_well(static_cast<TaskStatus>(status)) ? keep.others : keep.failed;
    return later(row.instant(2), row.number(5)) < now - kept;
}

/// Up to `limit` of those that the walk comes to next.
std::vector<OldTask> walk_on(Db& db, PruneWalk& walk, Instant now, KeepTimes const& keep, std::int64_t limit,
    std::function<bool(Db&, TaskId)> const& is_kept)
{
    auto const youngest = now - std::min(keep.others, keep.failed);
    std::vector<OldTask> old;
    std::int64_t looked_at = 0;
    auto run = db.run(select_old);
    run.bind(1, walk.after()).bind(2, most_looked_at);
    while (static_cast<std::int64_t>(old.size()) < limit) {
        if (!run.next()) {
            if (looked_at < most_looked_at) walk.end();
            break;
        }
        // Behind it all are younger. One of the future was written while the clock was wrong.
        auto const start = run.instant(2);
        if (start >= youngest && start <= now) {
            walk.end();
            break;
        }
        ++looked_at;
        walk.pass(run.number(0));
        if (!is_old(run, now, keep)) continue;
        bool const is_of_run = is_kept && !run.is_null(6);
        if (is_of_run && is_kept(db, TaskId(static_cast<std::uint64_t>(run.number(6))))) continue;
        OldTask const task{run.number(0), TaskId(static_cast<std::uint64_t>(run.number(1)))};
        if (!owes_delivery(db, task.id)) old.push_back(task);
    }
    return old;
}

} // namespace

PruneResult prune(
    Db& db, Instant now, KeepTimes keep, std::int64_t limit, std::function<bool(Db&, TaskId)> const& is_kept)
{
    auto& walk = db.part<PruneWalk>();
    walk.set_off(now, std::min(std::min(keep.others, keep.failed) / 10, longest_round));
    auto const old = walk_on(db, walk, now, keep, limit, is_kept);
    for (auto const& task : old) {
        delete_output(db, task.id);
        for (auto const* const sql : {delete_request, delete_outcome, delete_processing})
            db.run(sql).bind(1, task.key).execute();
    }
    if (!old.empty()) db.run(delete_blocks).execute();
    return {static_cast<std::int64_t>(old.size()), !walk.is_over()};
}

} // namespace elves::task_records
