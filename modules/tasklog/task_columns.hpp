#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "task_records.hpp"

/// The columns of a task, as every statement that reads whole tasks names them.
///
/// `param` and `errors`: what stands in the place of these two, which may be large.
#define TASK_COLUMNS_WITH(param, errors)                                                                     \
    "r.key, r.own_id, r.agent, r.type, r.mode, r.app, r.func, " param ", r.timeout, r.proxy, r.ttl, "        \
    "r.dedup, r.status, r.asked_by, r.asked_from, r.start_time, r.cron_id, r.fire_time, r.firings, "         \
    "r.last_fire_time, r.run, o.status, o.sent_after, o.end_after, o.taken_after, o.reported_after, "        \
    "o.sync_flag, "                                                                                          \
    "o.sync_error, o.sync_costtime, o.called_back_after, o.worker_flag, o.worker_result, "                   \
    "o.worker_costtime, " errors ", o.exit_code, o.truncated, o.cancel_due, p.sync_flag, p.sync_error, "     \
    "p.sync_costtime, p.first_time, p.last_time, p.tries, p.callback_time, p.message, p.costtime"
#define TASK_COLUMNS TASK_COLUMNS_WITH("r.param", "o.stderr")
// No list shows what went to stderr, and it may be large.
#define LISTED_COLUMNS TASK_COLUMNS_WITH("r.param", "NULL")
#define TASK_TABLES                                                                                          \
    " FROM task_requests AS r LEFT JOIN task_outcomes AS o ON o.key = r.key "                                \
    "LEFT JOIN task_processing AS p ON p.key = r.key "
/// As it is now: the row of a task that nothing came of yet has its state.
#define TASK_STATUS "coalesce(o.status, r.status)"
/// Not final, or its agent has to be told of its cancel: as `is_open` in open_task.hpp.
#define TASK_IS_OPEN "(" TASK_STATUS " < 3 OR o.cancel_due = 1)"

namespace elves::task_records {

static_assert(static_cast<int>(TaskStatus::done) == 3, "TASK_IS_OPEN, and the numbers in every data file");

[[nodiscard]] inline std::int64_t ms(Instant at) { return at.time_since_epoch().count(); }
[[nodiscard]] inline std::optional<std::int64_t> ms(std::optional<Instant> const& at)
{
    if (!at) return std::nullopt;
    return ms(*at);
}
[[nodiscard]] inline std::int64_t number_of(TaskId id) { return static_cast<std::int64_t>(id.value()); }
[[nodiscard]] inline std::optional<std::int64_t> number_of(std::optional<TaskId> const& id)
{
    if (!id) return std::nullopt;
    return number_of(*id);
}
[[nodiscard]] inline std::optional<std::string_view> unless_empty(std::string_view text)
{
    if (text.empty()) return std::nullopt;
    return text;
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
        if (value) {
            run_.bind(++index_, *value);
        } else {
            ++index_; // A parameter that was not bound is NULL.
        }
        return *this;
    }

private:
    Run& run_;
    int index_ = 0;
};

/// Reads one column after the other.
class Reader {
public:
    explicit Reader(Run const& run) : run_(run) {}
    std::string text() { return std::string(run_.text(index_++)); }
    std::int64_t number() { return run_.number(index_++); }
    Instant time() { return run_.instant(index_++); }
    std::optional<std::int64_t> maybe_number()
    {
        auto const at = index_++;
        if (run_.is_null(at)) return std::nullopt;
        return run_.number(at);
    }
    std::optional<Instant> maybe_time()
    {
        auto const at = index_++;
        if (run_.is_null(at)) return std::nullopt;
        return run_.instant(at);
    }

private:
    Run const& run_;
    int index_ = 0;
};

/// The file was written by something else, or is damaged: better no answer than a wrong one.
template <class T>
T known(std::optional<T> const& value, char const* what)
{
    if (!value) throw std::runtime_error(std::string("the task log holds an impossible ") + what);
    return *value;
}

/// `passed` milliseconds after `start`, in the years 0 to 9999, as `Run::instant` reads times. `start` is in
/// them.
[[nodiscard]] Instant later(Instant start, std::int64_t passed);
[[nodiscard]] TaskStatus known_status(std::int64_t number);

/// Reads TASK_COLUMNS.
[[nodiscard]] Row read_row(Reader& read);
[[nodiscard]] Row read_row(Run const& run);
/// The next row; nothing at the end.
[[nodiscard]] std::optional<Row> next_row(Run& run);

} // namespace elves::task_records
