#include "task_records.hpp"

#include "open_task.hpp"
#include "own_ids.hpp"
#include "task_blocks.hpp"
#include "task_columns.hpp"

namespace elves::task_records {

namespace {

// OR FAIL: of one row it leaves nothing either, and SQLite keeps no journal of its own for the statement.
constexpr auto insert_request =
    "INSERT OR FAIL INTO task_requests (key, own_id, block, agent, type, mode, status, start_time, timeout, "
    "ttl, "
    "cron_id, fire_time, firings, last_fire_time, run, app, func, asked_by, asked_from, dedup, proxy, param) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr auto replace_outcome = "REPLACE INTO task_outcomes (key, status, cancel_due, sent_after, "
                                 "taken_after, reported_after, end_after, "
                                 "sync_flag, sync_costtime, called_back_after, worker_flag, worker_costtime, "
                                 "exit_code, truncated, sync_error, "
                                 "worker_result, stderr) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr auto find_by_key = "SELECT " TASK_COLUMNS TASK_TABLES "WHERE r.key=? AND r.own_id IS NULL";
constexpr auto find_by_own_id = "SELECT " TASK_COLUMNS TASK_TABLES "WHERE r.own_id=?";
constexpr auto find_listed_by_key = "SELECT " LISTED_COLUMNS TASK_TABLES "WHERE r.key=? AND r.own_id IS NULL";
constexpr auto find_listed_by_own_id = "SELECT " LISTED_COLUMNS TASK_TABLES "WHERE r.own_id=?";
constexpr auto find_dedup = "SELECT " TASK_COLUMNS TASK_TABLES "WHERE r.agent=? AND r.app=? AND r.dedup=?";
constexpr auto find_firing =
    "SELECT " TASK_COLUMNS TASK_TABLES "WHERE r.cron_id=? AND r.fire_time=? AND r.status<>9";
static_assert(static_cast<int>(TaskStatus::skipped) == 9, "as in find_firing, and in the index that it uses");
constexpr auto select_key = "SELECT key FROM task_requests WHERE key=? AND own_id IS NULL";
constexpr auto select_key_of_own_id = "SELECT key FROM task_requests WHERE own_id=?";
constexpr auto select_param = "SELECT param FROM task_requests WHERE key=?";

/// Runs `by_key`, and where that finds nothing `by_own_id`. One of them gives the next row.
template <class Read>
auto look_up(Db& db, TaskId id, char const* by_key, char const* by_own_id, Read read)
{
    {
        auto run = db.run(by_key);
        run.bind(1, number_of(id));
        if (auto found = read(run)) return found;
    }
    auto run = db.run(by_own_id);
    run.bind(1, number_of(id));
    return read(run);
}

/// More is known of it than its row in `task_requests` says.
bool has_outcome(Task const& task)
{
    bool const is_as_recorded = task.status == TaskStatus::waiting
                                    ? !task.sent
                                    : task.status == TaskStatus::sent && task.sent == task.start;
    return !is_as_recorded || task.cancel_due || task.taken || task.reported || task.end || task.sync_flag ||
           task.sync_costtime || task.report || !task.sync_error.empty();
}

std::optional<std::int64_t> passed(Task const& task, std::optional<Instant> const& at)
{
    if (!at) return std::nullopt;
    return (*at - task.start).count();
}

void bind_report(Binder& bind, Task const& task)
{
    std::optional<std::int64_t> const none;
    if (!task.report) {
        bind.maybe(none).maybe(none).maybe(none).maybe(none).maybe(none);
        return;
    }
    auto const& report = *task.report;
    bind.maybe(passed(task, report.callback_time)).number(report.flag).number(report.costtime.count());
    bind.maybe(report.exit_code).number(report.truncated ? 1 : 0);
}

void put_outcome(Db& db, Task const& task)
{
    std::optional<std::int64_t> handed, cost;
    if (task.sync_flag) handed = *task.sync_flag ? 1 : 0;
    if (task.sync_costtime) cost = task.sync_costtime->count();
    auto run = db.run(replace_outcome);
    Binder bind(run);
    bind.number(key_of(task)).number(static_cast<std::int64_t>(task.status)).number(task.cancel_due ? 1 : 0);
    bind.maybe(passed(task, task.sent)).maybe(passed(task, task.taken)).maybe(passed(task, task.reported));
    bind.maybe(passed(task, task.end)).maybe(handed).maybe(cost);
    bind_report(bind, task);
    bind.maybe(unless_empty(task.sync_error));
    if (task.report) bind.text(task.report->result).maybe(unless_empty(task.report->stderr_text));
    run.execute();
}

void insert_row(Db& db, Task const& task, std::int64_t block)
{
    std::optional<std::int64_t> own_id, firings;
    if (task.key != 0) own_id = number_of(task.id);
    if (task.firings != 1) firings = task.firings;
    auto const agent = task.agent.text();
    auto run = db.run(insert_request);
    Binder bind(run);
    bind.number(key_of(task)).maybe(own_id).number(block).text(agent);
    bind.number(static_cast<std::int64_t>(task.type)).number(static_cast<std::int64_t>(task.ins.mode));
    bind.number(static_cast<std::int64_t>(task.status)).number(ms(task.start));
    bind.number(task.ins.timeout.count()).number(task.ins.ttl.count());
    bind.maybe(number_of(task.cron_id))
        .maybe(ms(task.fire_time))
        .maybe(firings)
        .maybe(ms(task.last_fire_time))
        .maybe(number_of(task.run));
    bind.text(task.ins.app).text(task.ins.func).maybe(unless_empty(task.by)).text(task.from);
    bind.maybe(unless_empty(task.ins.dedup)).maybe(unless_empty(task.ins.proxy)).text(task.ins.param);
    run.execute();
}

std::optional<Task> task_of(std::optional<Row> row)
{
    if (!row) return std::nullopt;
    return std::move(row->task);
}

} // namespace

std::int64_t key_of(Task const& task) { return task.key != 0 ? task.key : number_of(task.id); }

void insert(Db& db, Task const& task)
{
    auto& own_ids = db.part<OwnIds>();
    // An agent may have made this id for a firing of its own: it knows the time, and not the random bits. Two
    // tasks never share an id.
    if (task.key == 0 && own_ids.has(db, number_of(task.id)))
        throw std::runtime_error(
            "the new task's id " + task.id.text() + " is that of an agent's firing already");
    if (task.key != 0) own_ids.add(number_of(task.id));
    auto& blocks = db.part<TaskBlocks>();
    auto const block = blocks.block_of_new(db, key_of(task));
    // First what came of it: whoever sees the row in `task_requests` sees the whole task.
    if (has_outcome(task)) put_outcome(db, task);
    insert_row(db, task, block);
    if (is_open(task)) blocks.set_open(db, key_of(task), true);
}

void update(Db& db, Task const& task)
{
    put_outcome(db, task);
    db.part<TaskBlocks>().set_open(db, key_of(task), is_open(task));
}

std::optional<Row> find(Db& db, TaskId id) { return look_up(db, id, find_by_key, find_by_own_id, next_row); }

std::optional<Row> find_listed(Db& db, TaskId id)
{
    return look_up(db, id, find_listed_by_key, find_listed_by_own_id, next_row);
}

std::optional<std::int64_t> find_key(Db& db, TaskId id)
{
    return look_up(db, id, select_key, select_key_of_own_id, [](Run& run) -> std::optional<std::int64_t> {
        if (!run.next()) return std::nullopt;
        return run.number(0);
    });
}

std::optional<Task> find_twin(Db& db, Task const& task)
{
    if (task.cron_id && task.fire_time && task.status != TaskStatus::skipped) {
        auto run = db.run(find_firing);
        run.bind(1, number_of(*task.cron_id)).bind(2, ms(*task.fire_time));
        if (auto twin = task_of(next_row(run))) return twin;
        // The id of a firing that an agent reports is the agent's: it may be that of another task by now.
        return task_of(find(db, task.id));
    }
    // What did not start has only its id: an agent may report it again while its first report is written.
    if (task.status == TaskStatus::skipped) return task_of(find(db, task.id));
    if (task.ins.dedup.empty()) return std::nullopt;
    auto const agent = task.agent.text();
    auto run = db.run(find_dedup);
    run.bind(1, std::string_view(agent))
        .bind(2, std::string_view(task.ins.app))
        .bind(3, std::string_view(task.ins.dedup));
    return task_of(next_row(run));
}

std::string param_of(Db& db, TaskId id)
{
    auto const key = find_key(db, id);
    if (!key) return {};
    auto run = db.run(select_param);
    run.bind(1, *key);
    return run.next() ? std::string(run.text(0)) : std::string();
}

} // namespace elves::task_records
