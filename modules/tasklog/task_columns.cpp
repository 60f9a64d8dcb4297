#include "task_columns.hpp"

#include <algorithm>
#include <chrono>

namespace elves::task_records {

namespace {

/// The enumerator of that number, up to `last`.
template <class E>
E known_word(std::int64_t number, E last, char const* what)
{
    bool const is_known = number >= 0 && number <= static_cast<std::int64_t>(last);
    return known(is_known ? std::optional(static_cast<E>(number)) : std::nullopt, what);
}

/// Reads a column with the milliseconds that passed since `start`.
std::optional<Instant> time_after(Reader& read, Instant start)
{
    auto const passed = read.maybe_number();
    if (!passed) return std::nullopt;
    return later(start, *passed);
}

std::optional<std::chrono::milliseconds> maybe_duration(Reader& read)
{
    auto const number = read.maybe_number();
    if (!number) return std::nullopt;
    return std::chrono::milliseconds(*number);
}

void read_request(Reader& read, Row& row)
{
    auto& task = row.task;
    row.key = read.number();
    auto const own_id = read.maybe_number();
    task.key = own_id ? row.key : 0;
    task.id = TaskId(static_cast<std::uint64_t>(own_id.value_or(row.key)));
    task.agent = known(Ip::parse(read.text()), "agent");
    task.type = known_word(read.number(), TaskType::cron, "type");
    task.ins.mode = known_word(read.number(), Mode::p, "mode");
    task.ins.app = read.text();
    task.ins.func = read.text();
    task.ins.param = read.text();
    task.ins.timeout = std::chrono::seconds(read.number());
    task.ins.proxy = read.text();
    task.ins.ttl = std::chrono::seconds(read.number());
    task.ins.dedup = read.text();
    task.status = known_status(read.number());
    task.by = read.text();
    task.from = read.text();
    task.start = read.time();
    if (auto const cron_id = read.maybe_number()) task.cron_id = TaskId(static_cast<std::uint64_t>(*cron_id));
    task.fire_time = read.maybe_time();
    task.firings = read.maybe_number().value_or(1);
    task.last_fire_time = read.maybe_time();
    if (auto const run = read.maybe_number()) task.run = TaskId(static_cast<std::uint64_t>(*run));
}

std::optional<WorkerReport> read_report(Reader& read, Instant start)
{
    WorkerReport report;
    report.callback_time = time_after(read, start);
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

void read_outcome(Reader& read, Task& task)
{
    auto const status = read.maybe_number();
    if (status) task.status = known_status(*status);
    task.sent = time_after(read, task.start);
    // Nothing came of it since it was recorded: it was handed over then, or waits.
    if (!status && task.status == TaskStatus::sent) task.sent = task.start;
    task.end = time_after(read, task.start);
    task.taken = time_after(read, task.start);
    task.reported = time_after(read, task.start);
    if (auto const handed = read.maybe_number()) task.sync_flag = *handed == 1;
    task.sync_error = read.text();
    task.sync_costtime = maybe_duration(read);
    task.report = read_report(read, task.start);
    task.cancel_due = read.number() == 1;
}

void read_processing(Reader& read, ModuleLog& log)
{
    if (auto const flag = read.maybe_number()) log.sync_flag = *flag == 1 ? "true" : "false";
    log.sync_error = read.text();
    log.sync_costtime = read.maybe_number();
    log.first_try = read.maybe_time();
    log.last_try = read.maybe_time();
    log.tries = read.number();
    log.callback_time = read.maybe_time();
    log.processor_message = read.text();
    log.processor_costtime = read.maybe_number();
}

} // namespace

Instant later(Instant start, std::int64_t passed)
{
    using namespace std::chrono;
    constexpr Instant first = sys_days(year(0) / January / 1);
    constexpr Instant last = sys_days(year(10'000) / January / 1) - milliseconds(1);
    return start + std::clamp(milliseconds(passed), first - start, last - start);
}

TaskStatus known_status(std::int64_t number) { return known_word(number, TaskStatus::lost, "status"); }

Row read_row(Reader& read)
{
    Row row;
    read_request(read, row);
    read_outcome(read, row.task);
    read_processing(read, row.module);
    return row;
}

Row read_row(Run const& run)
{
    Reader read(run);
    return read_row(read);
}

std::optional<Row> next_row(Run& run)
{
    if (!run.next()) return std::nullopt;
    return read_row(run);
}

} // namespace elves::task_records
