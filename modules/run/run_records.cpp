#include "run_records.hpp"

#include <stdexcept>

#include "elves/error.hpp"
#include "elves/json_document.hpp"

namespace elves::run_records {

namespace {

constexpr std::string_view insert_head =
    "INSERT INTO run (id, state, why, spec, app, func, set_by, set_from, dedup, retry_of, hosts, max_fail, "
    "seed,"
    " wave, is_ending, create_time, begin_at, start_time, pause_time, end_time, schedule, fire_time, skipped)"
    " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)";
constexpr std::string_view insert_host = "INSERT INTO run_host (run, place, ip, wave) VALUES (?1,?2,?3,?4)";
constexpr std::string_view update_head =
    "UPDATE run SET state = ?2, why = ?3, max_fail = ?4, wave = ?5, is_ending = ?6, start_time = ?7,"
    " pause_time = ?8, end_time = ?9 WHERE id = ?1 AND end_time IS NULL";
constexpr std::string_view update_counts = "UPDATE run SET counts = ?2 WHERE id = ?1";
constexpr std::string_view finish_host =
    "UPDATE run_host SET state = ?3, exit_code = ?4, cost_ms = ?5, answer = ?6 WHERE run = ?1 AND place = ?2";
constexpr std::string_view claim_host =
    "UPDATE run_host SET task = ?3 WHERE run = ?1 AND place = ?2 AND task IS NULL";

// One list of columns, read in this order by head_of.
#define ELVES_RUN_HEAD                                                                                       \
    "SELECT id, state, why, spec, set_by, set_from, retry_of, hosts, max_fail, seed, wave, is_ending,"       \
    " create_time, begin_at, start_time, pause_time, end_time, schedule, fire_time, skipped, counts FROM "   \
    "run "
constexpr std::string_view select_one = ELVES_RUN_HEAD "WHERE id = ?1";
constexpr std::string_view select_open = "SELECT id FROM run WHERE end_time IS NULL ORDER BY create_time, id";
constexpr std::string_view select_dedup =
    "SELECT id FROM run WHERE set_by = ?1 AND dedup = ?2 AND dedup <> ''";
constexpr std::string_view select_hosts =
    "SELECT ip, wave, task, state, exit_code, cost_ms, answer FROM run_host WHERE run = ?1 ORDER BY place";
constexpr std::string_view select_is_open = "SELECT 1 FROM run WHERE id = ?1 AND end_time IS NULL";
constexpr std::string_view select_firing = "SELECT 1 FROM run WHERE schedule = ?1 AND fire_time = ?2";
constexpr std::string_view select_list =
    ELVES_RUN_HEAD "WHERE (?1 = '' OR state = ?1) AND (?2 IS NULL OR set_by = ?2) AND (?3 = '' OR app = ?3)"
                   " AND (?4 = '' OR func = ?4)"
                   " AND (?5 IS NULL OR id IN (SELECT run FROM run_host WHERE ip = ?5))"
                   " AND (?6 IS NULL OR create_time >= ?6) AND (?7 IS NULL OR create_time < ?7)"
                   " AND (?10 IS NULL OR schedule = ?10)"
                   " AND (?8 IS NULL OR (create_time, id) < (SELECT create_time, id FROM run WHERE id = ?8))"
                   " ORDER BY create_time DESC, id DESC LIMIT ?9";
#undef ELVES_RUN_HEAD

std::optional<std::int64_t> ms_of(std::optional<Instant> const& at)
{
    return at ? std::optional<std::int64_t>(at->time_since_epoch().count()) : std::nullopt;
}

std::optional<Instant> instant_of(Run const& row, int column)
{
    return row.is_null(column) ? std::nullopt : std::optional(row.instant(column));
}

/// A file may have been changed by hand: what is no run's is not taken for one.
template <class T>
T required_of(std::optional<T> value, std::string_view what)
{
    if (!value) throw std::runtime_error("a row of the table run has no legal " + std::string(what));
    return std::move(*value);
}

std::map<std::string, std::size_t> counts_in(std::string_view text)
{
    std::map<std::string, std::size_t> counts;
    boost::system::error_code failure;
    auto const value = json::parse(text, failure);
    if (!value.is_object()) return counts;
    for (auto const& count : value.get_object())
        if (count.value().is_int64() && count.value().get_int64() >= 0)
            counts[count.key()] = static_cast<std::size_t>(count.value().get_int64());
    return counts;
}

std::string counts_text(FleetRun const& run)
{
    std::map<std::string, std::int64_t> counts;
    for (auto const& host : run.hosts) ++counts[host.outcome ? host.outcome->state : "not_started"];
    json::object fields;
    for (auto const& [state, count] : counts) fields[state] = count;
    return json::serialize(fields);
}

RunHead head_of(Run const& row)
{
    RunHead run;
    run.id = required_of(TaskId::parse(row.text(0)), "id");
    run.state = required_of(parse_run_state(row.text(1)), "state");
    run.why = required_of(parse_run_why(row.text(2)), "why");
    run.spec = RunSpec::read(JsonDocument::parse(row.text(3)).root());
    run.by = row.text(4);
    run.from = row.text(5);
    run.retry_of = TaskId::parse(row.text(6));
    run.host_count = static_cast<std::size_t>(row.number(7));
    run.max_fail = static_cast<std::size_t>(row.number(8));
    run.seed = static_cast<std::uint32_t>(row.number(9));
    run.wave = static_cast<std::size_t>(row.number(10));
    run.ending = static_cast<RunEnding>(row.number(11));
    run.created = row.instant(12);
    run.begin_at = row.instant(13);
    run.started = instant_of(row, 14);
    run.paused = instant_of(row, 15);
    run.ended = instant_of(row, 16);
    if (!row.is_null(17)) run.schedule = TaskId::parse(row.text(17));
    run.fire_time = instant_of(row, 18);
    run.skipped = row.text(19);
    run.counts = counts_in(row.text(20));
    return run;
}

RunHost host_of(Run const& row)
{
    RunHost host{required_of(Ip::parse(row.text(0)), "address"), static_cast<std::size_t>(row.number(1))};
    if (!row.is_null(2)) host.task = TaskId::parse(row.text(2));
    if (row.is_null(3)) return host;
    RunOutcome outcome{std::string(row.text(3))};
    if (!row.is_null(4)) outcome.exit_code = row.number(4);
    if (!row.is_null(5)) outcome.cost = std::chrono::milliseconds(row.number(5));
    outcome.answer = row.text(6);
    host.outcome = std::move(outcome);
    return host;
}

} // namespace

void insert(Db& db, FleetRun const& run)
{
    auto const id = run.id.text();
    auto const spec = json::serialize(run.spec.to_json());
    auto const retry_of = run.retry_of ? run.retry_of->text() : std::string();
    auto const schedule = run.schedule ? std::optional(run.schedule->text()) : std::nullopt;
    auto const skipped = run.skipped.empty() ? std::nullopt : std::optional(run.skipped);
    db.run(insert_head)
        .bind(1, id)
        .bind(2, state_text(run.state))
        .bind(3, why_text(run.why))
        .bind(4, spec)
        .bind(5, run.spec.ins.ins.app)
        .bind(6, run.spec.ins.ins.func)
        .bind(7, run.by)
        .bind(8, run.from)
        .bind(9, run.spec.dedup.text)
        .bind(10, retry_of)
        .bind(11, static_cast<std::int64_t>(run.host_count))
        .bind(12, static_cast<std::int64_t>(run.max_fail))
        .bind(13, static_cast<std::int64_t>(run.seed))
        .bind(14, static_cast<std::int64_t>(run.wave))
        .bind(15, static_cast<std::int64_t>(run.ending))
        .bind(16, run.created.time_since_epoch().count())
        .bind(17, run.begin_at.time_since_epoch().count())
        .bind(18, ms_of(run.started))
        .bind(19, ms_of(run.paused))
        .bind(20, ms_of(run.ended))
        .bind(21, schedule)
        .bind(22, ms_of(run.fire_time))
        .bind(23, skipped)
        .execute();
    for (std::size_t place = 0; place < run.hosts.size(); ++place) {
        auto const ip = run.hosts[place].ip.text();
        db.run(insert_host)
            .bind(1, id)
            .bind(2, static_cast<std::int64_t>(place))
            .bind(3, ip)
            .bind(4, static_cast<std::int64_t>(run.hosts[place].wave))
            .execute();
    }
}

bool update(Db& db, RunHead const& run)
{
    auto const id = run.id.text();
    db.run(update_head)
        .bind(1, id)
        .bind(2, state_text(run.state))
        .bind(3, why_text(run.why))
        .bind(4, static_cast<std::int64_t>(run.max_fail))
        .bind(5, static_cast<std::int64_t>(run.wave))
        .bind(6, static_cast<std::int64_t>(run.ending))
        .bind(7, ms_of(run.started))
        .bind(8, ms_of(run.paused))
        .bind(9, ms_of(run.ended))
        .execute();
    return db.changes() == 1;
}

void finish(Db& db, FleetRun const& run)
{
    if (!update(db, run)) return;
    auto const id = run.id.text();
    auto const counts = counts_text(run);
    db.run(update_counts).bind(1, id).bind(2, counts).execute();
    for (std::size_t place = 0; place < run.hosts.size(); ++place) {
        auto const& outcome = run.hosts[place].outcome;
        if (!outcome) continue;
        auto const cost = outcome->cost ? std::optional<std::int64_t>(outcome->cost->count()) : std::nullopt;
        db.run(finish_host)
            .bind(1, id)
            .bind(2, static_cast<std::int64_t>(place))
            .bind(3, outcome->state)
            .bind(4, outcome->exit_code)
            .bind(5, cost)
            .bind(6, outcome->answer)
            .execute();
    }
}

void claim(Db& db, TaskId run, std::size_t place, TaskId task)
{
    auto const id = run.text();
    auto const text = task.text();
    db.run(claim_host).bind(1, id).bind(2, static_cast<std::int64_t>(place)).bind(3, text).execute();
    if (db.changes() != 1) throw std::logic_error("a host of run " + id + " has a task already");
}

std::optional<FleetRun> find(Db& db, TaskId id)
{
    auto const text = id.text();
    std::optional<FleetRun> run;
    {
        auto head = db.run(select_one);
        head.bind(1, text);
        if (!head.next()) return std::nullopt;
        run = FleetRun{head_of(head), {}};
    }
    auto rows = db.run(select_hosts);
    rows.bind(1, text);
    while (rows.next()) run->hosts.push_back(host_of(rows));
    return run;
}

std::vector<TaskId> open(Db& db)
{
    std::vector<TaskId> ids;
    auto rows = db.run(select_open);
    while (rows.next()) ids.push_back(required_of(TaskId::parse(rows.text(0)), "id"));
    return ids;
}

std::optional<TaskId> with_dedup(Db& db, std::string const& by, std::string const& dedup)
{
    auto row = db.run(select_dedup);
    row.bind(1, by).bind(2, dedup);
    return row.next() ? TaskId::parse(row.text(0)) : std::nullopt;
}

bool is_open(Db& db, TaskId id)
{
    auto const text = id.text();
    auto row = db.run(select_is_open);
    row.bind(1, text);
    return row.next();
}

bool has_firing(Db& db, TaskId schedule, Instant fire_time)
{
    auto const id = schedule.text();
    auto row = db.run(select_firing);
    row.bind(1, id).bind(2, fire_time.time_since_epoch().count());
    return row.next();
}

std::vector<RunHead> list(Db& db, Filter const& filter)
{
    auto const agent = filter.agent ? std::optional(filter.agent->text()) : std::nullopt;
    auto const after = filter.after ? std::optional(filter.after->text()) : std::nullopt;
    auto const schedule = filter.schedule ? std::optional(filter.schedule->text()) : std::nullopt;
    auto rows = db.run(select_list);
    rows.bind(1, filter.state)
        .bind(2, filter.by)
        .bind(3, filter.app)
        .bind(4, filter.func)
        .bind(5, agent)
        .bind(6, ms_of(filter.since))
        .bind(7, ms_of(filter.until))
        .bind(8, after)
        .bind(9, static_cast<std::int64_t>(filter.limit) + 1)
        .bind(10, schedule);
    std::vector<RunHead> found;
    while (rows.next()) found.push_back(head_of(rows));
    return found;
}

} // namespace elves::run_records
