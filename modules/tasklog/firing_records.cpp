// Firings of cron jobs: those that did not start share a record, and the last run of a job is looked up.
#include "task_columns.hpp"

namespace elves::task_records {

namespace {

/// A record stands for as much time at most, so that lists by time find it.
constexpr std::chrono::hours longest_record{24};

constexpr auto newest_of_cron =
    "SELECT " LISTED_COLUMNS TASK_TABLES "WHERE r.cron_id=?1 ORDER BY r.key DESC LIMIT ?2";
constexpr auto add_firing =
    "UPDATE task_requests SET firings=coalesce(firings, 1)+1, last_fire_time=?2 WHERE key=?1";
constexpr auto set_end = "UPDATE task_outcomes SET end_after=?2 WHERE key=?1";
constexpr auto take_firing =
    "UPDATE task_requests SET firings=nullif(firings-1, 1), fire_time=fire_time+1 WHERE key=?1";
constexpr auto set_skipped = "UPDATE task_requests SET status=9 WHERE key=?1";
constexpr auto last_of_cron =
    "SELECT r.start_time, o.end_after, r.firings, o.status FROM task_requests AS r "
    "JOIN task_outcomes AS o ON o.key = r.key WHERE r.cron_id=? AND o.status>=3 AND "
    "o.status<>9 AND o.end_after IS NOT NULL ORDER BY r.key DESC LIMIT 1";

bool is_like(Task const& record, Task const& firing)
{
    return record.status == firing.status && record.sync_error == firing.sync_error;
}

/// The newest record of the firing's job, where it stands for several firings already, or is the third in a
/// row that says the same: the first ones keep their details.
std::optional<Task> newest_like(Db& db, Task const& firing)
{
    constexpr int with_details = 3;
    std::optional<Task> newest;
    int same = 0;
    auto run = db.run(newest_of_cron);
    run.bind(1, number_of(*firing.cron_id)).bind(2, std::int64_t{with_details});
    for (auto row = next_row(run); row && is_like(row->task, firing); row = next_row(run)) {
        ++same;
        if (same == 1) newest = std::move(row->task);
        if (same == 1 && newest->firings > 1) return newest;
    }
    return same == with_details ? newest : std::nullopt;
}

bool may_add(Task const& record, Task const& firing)
{
    bool const is_same = record.agent == firing.agent && record.ins.app == firing.ins.app &&
                         record.ins.func == firing.ins.func && record.ins.param == firing.ins.param &&
                         record.by == firing.by && record.ins.mode == Mode::np && !record.report;
    auto const last = record.last_fire_time ? record.last_fire_time : record.fire_time;
    return is_same && last && *last < *firing.fire_time && record.start > *firing.end - longest_record;
}

} // namespace

std::optional<TaskId> merge_firing(Db& db, Task const& firing)
{
    // Of what an agent reports only times that it skipped; a report that comes twice is known by its id.
    bool const is_agents = firing.status == TaskStatus::skipped;
    bool const is_servers = firing.from == "cron";
    bool const is_over = firing.cron_id && firing.fire_time && firing.end;
    bool const may_merge = is_over && (is_servers || is_agents) && firing.ins.mode == Mode::np &&
                           (firing.status == TaskStatus::undelivered || firing.status == TaskStatus::skipped);
    if (!may_merge) return std::nullopt;
    auto const newest = newest_like(db, firing);
    if (!newest || !may_add(*newest, firing)) return std::nullopt;
    auto const key = key_of(*newest);
    db.run(set_end).bind(1, key).bind(2, (*firing.end - newest->start).count()).execute();
    db.run(add_firing).bind(1, key).bind(2, ms(*firing.fire_time)).execute();
    return newest->id;
}

void yield_firing(Db& db, TaskId id, std::string_view why)
{
    auto row = find(db, id);
    if (!row || row->task.status == TaskStatus::skipped || row->task.report) return;
    if (row->task.firings > 1) {
        db.run(take_firing).bind(1, row->key).execute();
        return;
    }
    row->task.status = TaskStatus::skipped;
    row->task.sync_error = why;
    update(db, row->task);
    db.run(set_skipped).bind(1, row->key).execute();
}

std::optional<TaskEngine::LastRun> last_run(Db& db, TaskId cron_id)
{
    auto run = db.run(last_of_cron);
    run.bind(1, number_of(cron_id));
    if (!run.next()) return std::nullopt;
    auto const start = run.instant(0);
    bool const is_of_several = run.number(2) > 1;
    return TaskEngine::LastRun{
        is_of_several ? later(start, run.number(1)) : start, known_status(run.number(3))};
}

} // namespace elves::task_records
