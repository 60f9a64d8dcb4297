#include "task_records.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <variant>

namespace elves::task_records {

namespace {

#define TASK_COLUMNS_WITH(param, errors)                                                                     \
    "seq, id, agent, type, mode, app, func, " param ", timeout, proxy, ttl, dedup, status, asked_by, "       \
    "asked_from, start_time, sent_time, end_time, cron_id, fire_time, sync_flag, sync_error, "               \
    "sync_costtime, "                                                                                        \
    "callback_time, worker_flag, worker_result, worker_costtime, " errors ", exit_code, truncated, "         \
    "cancel_due, "                                                                                           \
    "module_sync_flag, module_sync_error, module_sync_costtime, module_callback_time, processor_message, "   \
    "processor_costtime, taken_time, reported_time, module_first_time, module_last_time, module_tries, "     \
    "firings, last_fire_time"
#define TASK_COLUMNS TASK_COLUMNS_WITH("param", "stderr")
// No list shows what went to stderr, and it may be large.
#define LISTED_COLUMNS TASK_COLUMNS_WITH("param", "''")

// As the index tasks_agent has it.
#define TASKS_A_BLOCK "1024"
constexpr std::int64_t tasks_a_block = 1'024;

// OR FAIL: of one row it leaves nothing either, and SQLite keeps no journal of its own for the statement.
constexpr auto insert_task =
    "INSERT OR FAIL INTO tasks (id, agent, type, mode, app, func, param, timeout, proxy, ttl, dedup, status, "
    "asked_by, "
    "asked_from, start_time, sent_time, end_time, cron_id, fire_time, sync_flag, sync_error, sync_costtime, "
    "callback_time, worker_flag, worker_result, worker_costtime, stderr, exit_code, truncated, cancel_due, "
    "taken_time, reported_time, firings, last_fire_time) VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr auto update_task =
    "UPDATE OR FAIL tasks SET status=?2, sent_time=?3, end_time=?4, sync_flag=?5, sync_error=?6, "
    "sync_costtime=?7, "
    "callback_time=?8, worker_flag=?9, worker_result=?10, worker_costtime=?11, stderr=?12, exit_code=?13, "
    "truncated=?14, cancel_due=?15, taken_time=?16, reported_time=?17 WHERE id=?1";
constexpr auto find_task = "SELECT " TASK_COLUMNS " FROM tasks WHERE id=?";
constexpr auto find_dedup = "SELECT " TASK_COLUMNS " FROM tasks WHERE agent=? AND app=? AND dedup=?";
constexpr auto find_listed_task = "SELECT " LISTED_COLUMNS " FROM tasks WHERE id=?";
constexpr auto find_firing =
    "SELECT " TASK_COLUMNS " FROM tasks WHERE cron_id=? AND fire_time=? AND status<>'skipped'";
// Params may be large and stay on disk.
constexpr auto open_tasks =
    "SELECT " TASK_COLUMNS_WITH("''", "''") ", length(CAST(param AS BLOB)) FROM tasks "
                                            "WHERE end_time IS NULL OR cancel_due=1 ORDER BY seq";
constexpr auto select_open_by = "SELECT id FROM tasks WHERE end_time IS NULL AND asked_by=? ORDER BY seq";
constexpr auto select_param = "SELECT param FROM tasks WHERE id=?";
constexpr auto newest_of_cron =
    "SELECT id, firings, status=?2 AND sync_error=?3 FROM tasks WHERE cron_id=?1 ORDER BY seq DESC LIMIT 3";
// A record stands for a day at most, so that lists by time find it.
constexpr auto merge_into =
    "UPDATE OR FAIL tasks SET firings=firings+1, last_fire_time=?2, end_time=?3 WHERE id=?1 AND status=?4 "
    "AND "
    "sync_error=?5 AND agent=?6 AND app=?7 AND func=?8 AND param=?9 AND asked_by=?10 AND mode='NP' AND "
    "worker_flag IS NULL AND coalesce(last_fire_time, fire_time)<?2 AND start_time>?3-86400000";
constexpr auto yield_one = "UPDATE tasks SET status='skipped', sync_error=?2 "
                           "WHERE id=?1 AND firings=1 AND status<>'skipped' AND worker_flag IS NULL";
constexpr auto yield_of_many = "UPDATE tasks SET firings=firings-1, fire_time=fire_time+1 "
                               "WHERE id=?1 AND firings>1 AND status<>'skipped' AND worker_flag IS NULL";
constexpr auto last_of_cron = "SELECT iif(firings>1, end_time, start_time), status FROM tasks WHERE "
                              "cron_id=? AND status<>'skipped' AND end_time IS NOT NULL "
                              "ORDER BY seq DESC LIMIT 1";
// Two questions: asked for both in one, SQLite would read all rows.
constexpr auto select_seqs =
    "SELECT coalesce((SELECT min(seq) FROM tasks), 0), coalesce((SELECT max(seq) FROM tasks), 0)";
/// The same statements for both streams. No statement reads what it is not asked for: a task may have printed
/// megabytes.
struct OutputSql {
    char const* insert;
    char const* append;
    char const* select;
    char const* last_until; ///< Where the last piece that begins at or before ?2 begins and ends.
    char const* next_after;
    char const* times;
    char const* remove;
};
#define OUTPUT_SQL(table)                                                                                    \
    {                                                                                                        \
        "INSERT OR IGNORE INTO " table " (id, at, data, time) VALUES (?,?,?,?)",                             \
            "UPDATE " table " SET data = data || ?3, time = ?4 WHERE id = ?1 AND at = ?2 "                   \
            "AND length(CAST(data AS BLOB)) = ?5",                                                           \
            "SELECT at, data FROM " table " WHERE id=?1 AND at>=coalesce((SELECT max(at) FROM " table        \
            " WHERE id=?1 AND at<=?2), 0) AND at<?3 ORDER BY at",                                            \
            "SELECT at, at + length(CAST(data AS BLOB)) FROM " table                                         \
            " WHERE id=?1 AND at<=?2 ORDER BY at DESC LIMIT 1",                                              \
            "SELECT at FROM " table " WHERE id=?1 AND at>?2 ORDER BY at LIMIT 1",                            \
            "SELECT (SELECT time FROM " table " WHERE id=?1 ORDER BY at LIMIT 1), "                          \
            "(SELECT time FROM " table " WHERE id=?1 ORDER BY at DESC LIMIT 1)",                             \
            "DELETE FROM " table " WHERE id=?"                                                               \
    }
constexpr OutputSql stdout_sql = OUTPUT_SQL("outputs");
constexpr OutputSql stderr_sql = OUTPUT_SQL("error_outputs");
constexpr auto insert_cut = "INSERT INTO output_cuts (id, bytes) VALUES (?1, ?2) "
                            "ON CONFLICT (id) DO UPDATE SET bytes = bytes + ?2";
constexpr auto select_cut = "SELECT bytes FROM output_cuts WHERE id=?";
constexpr auto delete_cut = "DELETE FROM output_cuts WHERE id=?";
constexpr auto insert_delivery = "INSERT OR IGNORE INTO deliveries (id, since) VALUES (?,?)";
constexpr auto delete_delivery = "DELETE FROM deliveries WHERE id=?";
constexpr auto select_deliveries =
    "SELECT id, since, app FROM deliveries JOIN tasks USING (id) ORDER BY since";
constexpr auto update_delivered =
    "UPDATE tasks SET module_sync_flag=?2, module_sync_error=?3, module_sync_costtime=?4, "
    "module_first_time=coalesce(module_first_time, ?5), module_last_time=?5, module_tries=module_tries+1 "
    "WHERE id=?1";
constexpr auto update_processed =
    "UPDATE tasks SET module_callback_time=?2, processor_message=?3, processor_costtime=?4 WHERE id=?1";
// In the words of the two indexes on end_time, so that each finds its own.
#define WENT_WELL "(status = 'done' OR status = 'canceled' OR status = 'skipped')"
#define OWES_NOTHING "cancel_due=0 AND id NOT IN (SELECT id FROM deliveries)"
constexpr auto select_old_others = "SELECT id FROM tasks WHERE end_time<?1 AND " WENT_WELL
                                   " AND " OWES_NOTHING " ORDER BY end_time LIMIT ?2";
constexpr auto select_old_failed = "SELECT id FROM tasks WHERE end_time<?1 AND NOT (" WENT_WELL
                                   ") AND " OWES_NOTHING " ORDER BY end_time LIMIT ?2";
constexpr auto delete_task = "DELETE FROM tasks WHERE id=?";

std::int64_t ms(Instant at) { return at.time_since_epoch().count(); }
Instant instant(std::int64_t value) { return Instant(std::chrono::milliseconds(value)); }

std::optional<std::int64_t> ms(std::optional<Instant> const& at)
{
    if (!at) return std::nullopt;
    return ms(*at);
}

/// Binds in the order of the calls. Text is kept by the caller until the statement has run.
class Binder {
public:
    explicit Binder(Run& run) : run_(run) {}
    Binder& text(std::string_view value) { return run_.bind(++index_, value), *this; }
    Binder& number(std::int64_t value) { return run_.bind(++index_, value), *this; }
    template <class T>
    Binder& maybe(std::optional<T> const& value)
    {
        value ? run_.bind(++index_, *value) : run_.bind_null(++index_);
        return *this;
    }

private:
    Run& run_;
    int index_ = 0;
};

/// The columns from sync_flag to truncated, and the last two, all of which change in a task's life.
void bind_outcome(Binder& bind, Task const& task)
{
    std::optional<std::int64_t> handed;
    if (task.sync_flag) handed = *task.sync_flag ? 1 : 0;
    std::optional<std::int64_t> cost;
    if (task.sync_costtime) cost = task.sync_costtime->count();
    bind.maybe(handed).text(task.sync_error).maybe(cost);
    std::optional<std::int64_t> none;
    std::optional<std::string_view> no_text;
    if (!task.report) {
        bind.maybe(none).maybe(none).maybe(no_text).maybe(none).maybe(no_text).maybe(none).maybe(none);
        return;
    }
    auto const& report = *task.report;
    bind.maybe(ms(report.callback_time))
        .number(report.flag)
        .text(report.result)
        .number(report.costtime.count());
    bind.text(report.stderr_text).maybe(report.exit_code).number(report.truncated ? 1 : 0);
}

/// Reads in the order of TASK_COLUMNS.
class Reader {
public:
    explicit Reader(Run const& run) : run_(run) {}
    std::string text() { return std::string(run_.text(index_++)); }
    std::int64_t number() { return run_.number(index_++); }
    std::optional<std::int64_t> maybe_number()
    {
        auto const at = index_++;
        if (run_.is_null(at)) return std::nullopt;
        return run_.number(at);
    }
    std::optional<Instant> maybe_time()
    {
        auto const value = maybe_number();
        if (!value) return std::nullopt;
        return instant(*value);
    }
    std::optional<TaskId> maybe_id()
    {
        auto const at = index_++;
        if (run_.is_null(at)) return std::nullopt;
        return TaskId::parse(run_.text(at));
    }

private:
    Run const& run_;
    int index_ = 0;
};

template <class T>
T known(std::optional<T> const& value, char const* what)
{
    // The file was written by something else, or is damaged: better no answer than a wrong one.
    if (!value) throw std::runtime_error(std::string("the task log holds an impossible ") + what);
    return *value;
}

std::optional<WorkerReport> read_outcome(Reader& read)
{
    WorkerReport report;
    report.callback_time = read.maybe_time();
    auto const flag = read.maybe_number();
    report.result = read.text();
    report.costtime = std::chrono::milliseconds(read.number());
    report.stderr_text = read.text();
    report.exit_code = read.maybe_number();
    report.truncated = read.number() == 1;
    if (!flag) return std::nullopt;
    report.flag = static_cast<int>(*flag);
    return report;
}

Row read_row(Reader& read)
{
    Row row;
    auto& task = row.task;
    row.seq = read.number();
    task.id = known(read.maybe_id(), "id");
    task.agent = known(Ip::parse(read.text()), "agent");
    task.type = known(parse_type(read.text()), "type");
    task.ins.mode = read.text() == "P" ? Mode::p : Mode::np;
    task.ins.app = read.text();
    task.ins.func = read.text();
    task.ins.param = read.text();
    task.ins.timeout = std::chrono::seconds(read.number());
    task.ins.proxy = read.text();
    task.ins.ttl = std::chrono::seconds(read.number());
    task.ins.dedup = read.text();
    task.status = known(parse_status(read.text()), "status");
    task.by = read.text();
    task.from = read.text();
    task.start = instant(read.number());
    task.sent = read.maybe_time();
    task.end = read.maybe_time();
    task.cron_id = read.maybe_id();
    task.fire_time = read.maybe_time();
    if (auto const handed = read.maybe_number()) task.sync_flag = *handed == 1;
    task.sync_error = read.text();
    if (auto const cost = read.maybe_number()) task.sync_costtime = std::chrono::milliseconds(*cost);
    task.report = read_outcome(read);
    task.cancel_due = read.number() == 1;
    row.module.sync_flag = read.text();
    row.module.sync_error = read.text();
    row.module.sync_costtime = read.maybe_number();
    row.module.callback_time = read.maybe_time();
    row.module.processor_message = read.text();
    row.module.processor_costtime = read.maybe_number();
    task.taken = read.maybe_time();
    task.reported = read.maybe_time();
    row.module.first_try = read.maybe_time();
    row.module.last_try = read.maybe_time();
    row.module.tries = read.number();
    task.firings = read.number();
    task.last_fire_time = read.maybe_time();
    return row;
}

Row read_row(Run const& run)
{
    Reader read(run);
    return read_row(read);
}

std::optional<Row> one(Run& run)
{
    if (!run.next()) return std::nullopt;
    return read_row(run);
}

std::optional<Task> task_of(std::optional<Row> row)
{
    if (!row) return std::nullopt;
    return std::move(row->task);
}

} // namespace

void insert(Db& db, Task const& task)
{
    auto const id = task.id.text();
    auto const agent = task.agent.text();
    auto const cron_id = task.cron_id ? std::optional(task.cron_id->text()) : std::nullopt;
    std::optional<std::string_view> dedup;
    if (!task.ins.dedup.empty()) dedup = task.ins.dedup;
    std::optional<std::string_view> cron;
    if (cron_id) cron = *cron_id;
    auto run = db.run(insert_task);
    Binder bind(run);
    bind.text(id).text(agent).text(type_text(task.type)).text(mode_text(task.ins.mode));
    bind.text(task.ins.app).text(task.ins.func).text(task.ins.param).number(task.ins.timeout.count());
    bind.text(task.ins.proxy).number(task.ins.ttl.count()).maybe(dedup).text(status_text(task.status));
    bind.text(task.by).text(task.from).number(ms(task.start)).maybe(ms(task.sent)).maybe(ms(task.end));
    bind.maybe(cron).maybe(ms(task.fire_time));
    bind_outcome(bind, task);
    bind.number(task.cancel_due ? 1 : 0).maybe(ms(task.taken)).maybe(ms(task.reported));
    bind.number(task.firings).maybe(ms(task.last_fire_time));
    run.execute();
}

void update(Db& db, Task const& task)
{
    auto const id = task.id.text();
    auto run = db.run(update_task);
    Binder bind(run);
    bind.text(id).text(status_text(task.status)).maybe(ms(task.sent)).maybe(ms(task.end));
    bind_outcome(bind, task);
    bind.number(task.cancel_due ? 1 : 0).maybe(ms(task.taken)).maybe(ms(task.reported));
    run.execute();
}

std::optional<Row> find(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(find_task);
    run.bind(1, std::string_view(text));
    return one(run);
}

std::optional<Row> find_listed(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(find_listed_task);
    run.bind(1, std::string_view(text));
    return one(run);
}

std::optional<Task> find_twin(Db& db, Task const& task)
{
    if (task.cron_id && task.fire_time && task.status != TaskStatus::skipped) {
        auto const cron = task.cron_id->text();
        auto run = db.run(find_firing);
        run.bind(1, std::string_view(cron)).bind(2, ms(*task.fire_time));
        if (auto twin = task_of(one(run))) return twin;
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
    return task_of(one(run));
}

std::vector<OpenTask> open(Db& db)
{
    std::vector<OpenTask> all;
    for (auto run = db.run(open_tasks); run.next();) {
        Reader read(run);
        auto row = read_row(read);
        all.push_back({std::move(row.task), static_cast<std::size_t>(read.number())});
    }
    return all;
}

std::vector<TaskId> open_by(Db& db, std::string_view key)
{
    std::vector<TaskId> ids;
    auto run = db.run(select_open_by);
    run.bind(1, key);
    while (run.next()) {
        if (auto const id = TaskId::parse(run.text(0))) ids.push_back(*id);
    }
    return ids;
}

std::string param_of(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(select_param);
    run.bind(1, std::string_view(text));
    return run.next() ? std::string(run.text(0)) : std::string();
}

/// The newest record of the firing's job, where it stands for several firings already, or is the third in a
/// row that says the same: the first ones keep their details.
static std::optional<TaskId> mergeable(Db& db, Task const& firing)
{
    constexpr int with_details = 3;
    auto const cron = firing.cron_id->text();
    std::optional<TaskId> newest;
    int same = 0;
    auto run = db.run(newest_of_cron);
    run.bind(1, std::string_view(cron)).bind(2, status_text(firing.status)).bind(3, firing.sync_error);
    for (; run.next() && run.number(2) == 1; ++same) {
        if (!newest) newest = TaskId::parse(run.text(0));
        if (same == 0 && run.number(1) > 1) return newest;
    }
    return same == with_details ? newest : std::nullopt;
}

void yield_firing(Db& db, TaskId id, std::string_view why)
{
    auto const text = id.text();
    db.run(yield_of_many).bind(1, std::string_view(text)).execute();
    if (db.changes() == 0) db.run(yield_one).bind(1, std::string_view(text)).bind(2, why).execute();
}

std::optional<TaskId> merge_firing(Db& db, Task const& firing)
{
    // Of what an agent reports only times that it skipped; a report that comes twice is known by its id.
    bool const is_agents = firing.status == TaskStatus::skipped;
    bool const is_servers = firing.from == "cron";
    bool const is_over = firing.cron_id && firing.fire_time && firing.end;
    bool const may_merge = is_over && (is_servers || is_agents) && firing.ins.mode == Mode::np &&
                           (firing.status == TaskStatus::undelivered || firing.status == TaskStatus::skipped);
    if (!may_merge) return std::nullopt;
    auto const newest = mergeable(db, firing);
    if (!newest) return std::nullopt;
    auto const id = newest->text();
    auto const agent = firing.agent.text();
    auto run = db.run(merge_into);
    Binder(run)
        .text(id)
        .number(ms(*firing.fire_time))
        .number(ms(*firing.end))
        .text(status_text(firing.status))
        .text(firing.sync_error)
        .text(agent)
        .text(firing.ins.app)
        .text(firing.ins.func)
        .text(firing.ins.param)
        .text(firing.by);
    run.execute();
    return db.changes() > 0 ? newest : std::nullopt;
}

Seqs seqs(Db& db)
{
    auto run = db.run(select_seqs);
    if (!run.next()) return {};
    return {run.number(0), run.number(1)};
}

namespace {

/// The SQL of a list, and its parameters. A text for each set of filters that is used, so that each finds its
/// index.
class ListQuery {
public:
    /// `by_block`: of `filter.agent` in the block that `run` is given.
    ListQuery(Filter const& filter, bool by_block)
    {
        if (by_block) add(" AND seq / " TASKS_A_BLOCK "=?", std::int64_t{});
        if (filter.agent) add(" AND agent=?", filter.agent->text());
        if (filter.app) add(" AND app=?", *filter.app);
        if (filter.func) add(" AND func=?", *filter.func);
        if (filter.type) add(" AND type=?", std::string(type_text(*filter.type)));
        if (filter.cron_id) add(" AND cron_id=?", filter.cron_id->text());
        if (filter.status) add(" AND status=?", std::string(status_text(*filter.status)));
        if (filter.by) add(" AND asked_by=?", *filter.by);
        if (filter.since) add(" AND start_time>=?", ms(*filter.since));
        if (filter.until) add(" AND start_time<=?", ms(*filter.until));
        if (filter.from_seq) add(" AND seq>=?", *filter.from_seq);
        if (filter.before_seq) add(" AND seq<?", *filter.before_seq);
        sql_ += " ORDER BY seq DESC LIMIT ?";
    }

    /// Gives up to `limit` rows to `take`, until that says false. How many it gave; nothing where that said
    /// so.
    std::optional<std::int64_t> run(Db& db, std::optional<std::int64_t> block, std::int64_t limit,
        std::function<bool(Row)> const& take) const
    {
        auto run = db.run(sql_);
        int index = 0;
        for (auto const& parameter : parameters_)
            std::visit([&](auto const& value) { bind(run, ++index, value); }, parameter);
        if (block) run.bind(1, *block);
        run.bind(index + 1, limit);
        std::int64_t count = 0;
        while (run.next()) {
            ++count;
            if (!take(read_row(run))) return std::nullopt;
        }
        return count;
    }

private:
    using Parameter = std::variant<std::int64_t, std::string>;

    static void bind(Run& run, int index, std::int64_t number) { run.bind(index, number); }
    static void bind(Run& run, int index, std::string const& text)
    {
        run.bind(index, std::string_view(text));
    }
    void add(char const* condition, Parameter parameter)
    {
        sql_ += condition;
        parameters_.push_back(std::move(parameter));
    }

    std::string sql_ = "SELECT " LISTED_COLUMNS " FROM tasks WHERE 1";
    std::vector<Parameter> parameters_;
};

} // namespace

void list(Db& db, Filter const& filter, std::int64_t limit, std::function<bool(Row)> const& take)
{
    bool const by_block = filter.agent && !filter.cron_id;
    ListQuery const query(filter, by_block);
    if (!by_block) {
        static_cast<void>(query.run(db, std::nullopt, limit, take));
        return;
    }
    auto const [oldest, newest] = seqs(db);
    auto const first = std::max(filter.from_seq.value_or(oldest), oldest) / tasks_a_block;
    auto const last = std::min(filter.before_seq.value_or(newest), newest) / tasks_a_block;
    for (auto block = last; block >= first && limit > 0; --block) {
        auto const count = query.run(db, block, limit, take);
        if (!count) return;
        limit -= *count;
    }
}

std::optional<TaskEngine::LastRun> last_run(Db& db, TaskId cron_id)
{
    auto const cron = cron_id.text();
    auto run = db.run(last_of_cron);
    run.bind(1, std::string_view(cron));
    if (!run.next()) return std::nullopt;
    return TaskEngine::LastRun{run.instant(0), known(parse_status(run.text(1)), "status")};
}

static OutputSql const& sql_of(OutputStream stream)
{
    return stream == OutputStream::output ? stdout_sql : stderr_sql;
}

std::int64_t append_output(Db& db, TaskId id, OutputStream stream, std::int64_t row, OutputPiece const& piece)
{
    auto const text = id.text();
    auto run = db.run(sql_of(stream).append);
    run.bind(1, std::string_view(text)).bind(2, row).bind(3, piece.data).bind(4, ms(piece.time));
    run.bind(5, piece.at - row).execute();
    if (db.changes() > 0) return static_cast<std::int64_t>(piece.data.size());
    return insert_output(db, id, stream, piece);
}

/// Where the last piece ends that begins at or before `at`; 0 without one.
static std::int64_t end_before(Db& db, std::string_view id, OutputStream stream, std::int64_t at)
{
    auto run = db.run(sql_of(stream).last_until);
    run.bind(1, id).bind(2, at);
    return run.next() ? run.number(1) : 0;
}

static std::int64_t next_after(
    Db& db, std::string_view id, OutputStream stream, std::int64_t at, std::int64_t otherwise)
{
    auto run = db.run(sql_of(stream).next_after);
    run.bind(1, id).bind(2, at);
    return run.next() ? std::min(run.number(0), otherwise) : otherwise;
}

static void insert_row(
    Db& db, std::string_view id, OutputStream stream, std::int64_t at, std::string_view data, Instant time)
{
    auto run = db.run(sql_of(stream).insert);
    run.bind(1, id).bind(2, at).bind(3, data).bind(4, ms(time)).execute();
}

std::int64_t insert_output(Db& db, TaskId id, OutputStream stream, OutputPiece const& piece)
{
    // Mostly there is nothing behind it; otherwise it is sent again, or fills a gap.
    auto const text = id.text();
    auto const end = piece.at + static_cast<std::int64_t>(piece.data.size());
    if (output_size(db, id, stream) <= piece.at) {
        insert_row(db, text, stream, piece.at, piece.data, piece.time);
        return end - piece.at;
    }
    std::int64_t written = 0;
    for (auto at = piece.at; at < end;) {
        if (auto const covered = end_before(db, text, stream, at); covered > at) {
            at = covered;
            continue;
        }
        auto const stop = next_after(db, text, stream, at, end);
        std::string_view const data(piece.data);
        auto const from = static_cast<std::size_t>(at - piece.at);
        insert_row(db, text, stream, at, data.substr(from, static_cast<std::size_t>(stop - at)), piece.time);
        written += stop - at;
        at = stop;
    }
    return written;
}

std::vector<OutputPiece> output(
    Db& db, TaskId id, OutputStream stream, std::int64_t offset, std::int64_t limit)
{
    auto const text = id.text();
    constexpr auto last = std::numeric_limits<std::int64_t>::max();
    std::vector<OutputPiece> pieces;
    auto run = db.run(sql_of(stream).select);
    run.bind(1, std::string_view(text)).bind(2, offset);
    run.bind(3, offset > last - limit ? last : offset + limit);
    while (run.next()) pieces.push_back({run.number(0), std::string(run.text(1)), {}});
    return pieces;
}

std::int64_t output_size(Db& db, TaskId id, OutputStream stream)
{
    return end_before(db, id.text(), stream, std::numeric_limits<std::int64_t>::max());
}

void add_left_out(Db& db, TaskId id, std::int64_t bytes)
{
    auto const text = id.text();
    auto run = db.run(insert_cut);
    run.bind(1, std::string_view(text)).bind(2, bytes).execute();
}

std::int64_t left_out(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(select_cut);
    run.bind(1, std::string_view(text));
    return run.next() ? run.number(0) : 0;
}

OutputTimes output_times(Db& db, TaskId id)
{
    auto const text = id.text();
    OutputTimes times;
    for (auto const stream : output_streams) {
        auto run = db.run(sql_of(stream).times);
        run.bind(1, std::string_view(text));
        if (!run.next()) continue;
        Reader read(run);
        auto const first = read.maybe_time();
        auto const last = read.maybe_time();
        if (first) times.first = times.first ? std::min(*times.first, *first) : *first;
        if (last) times.last = times.last ? std::max(*times.last, *last) : *last;
        times.bytes += output_size(db, id, stream);
    }
    return times;
}

void queue_delivery(Db& db, TaskId id, Instant now)
{
    auto const text = id.text();
    auto run = db.run(insert_delivery);
    run.bind(1, std::string_view(text)).bind(2, ms(now));
    run.execute();
}

void drop_delivery(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(delete_delivery);
    run.bind(1, std::string_view(text));
    run.execute();
}

std::vector<Delivery> deliveries(Db& db)
{
    std::vector<Delivery> all;
    for (auto run = db.run(select_deliveries); run.next();) {
        all.push_back({known(TaskId::parse(run.text(0)), "id"), run.instant(1), std::string(run.text(2))});
    }
    return all;
}

void put_delivered(Db& db, TaskId id, ModuleLog const& log)
{
    auto const text = id.text();
    auto run = db.run(update_delivered);
    Binder(run)
        .text(text)
        .text(log.sync_flag)
        .text(log.sync_error)
        .maybe(log.sync_costtime)
        .maybe(ms(log.last_try));
    run.execute();
}

void put_processed(Db& db, TaskId id, ModuleLog const& log)
{
    auto const text = id.text();
    auto run = db.run(update_processed);
    Binder(run)
        .text(text)
        .maybe(ms(log.callback_time))
        .text(log.processor_message)
        .maybe(log.processor_costtime);
    run.execute();
}

std::int64_t prune(Db& db, Instant others_before, Instant failed_before, std::int64_t limit)
{
    std::vector<std::string> ids;
    auto const take = [&](char const* select, Instant before) {
        auto run = db.run(select);
        run.bind(1, ms(before)).bind(2, limit - static_cast<std::int64_t>(ids.size()));
        while (run.next()) ids.emplace_back(run.text(0));
    };
    take(select_old_others, others_before);
    take(select_old_failed, failed_before);
    for (auto const& id : ids) {
        for (auto const* const sql : {stdout_sql.remove, stderr_sql.remove, delete_cut, delete_task}) {
            auto run = db.run(sql);
            run.bind(1, std::string_view(id));
            run.execute();
        }
    }
    return static_cast<std::int64_t>(ids.size());
}

} // namespace elves::task_records
