#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/output_stream.hpp"
#include "elves/pruner.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/sql.hpp"
#include "elves/task.hpp"

/// The task log's tables: the only place with their SQL. Each runs on one of the store's threads, inside its
/// transaction.
namespace elves::task_records {

/// What became of the delivery to an app's processor.
struct ModuleLog {
    std::string sync_flag; ///< `"true"`, `"false"`, or `""` while it is not known.
    std::string sync_error;
    std::optional<std::int64_t> sync_costtime; ///< Milliseconds.
    std::optional<Instant> callback_time;
    std::string processor_message;
    std::optional<std::int64_t> processor_costtime; ///< Milliseconds.
    std::optional<Instant> first_try;
    std::optional<Instant> last_try;
    std::int64_t tries = 0;
};

/// A whole row.
struct Row {
    std::int64_t key = 0; ///< Grows with each task.
    Task task;
    ModuleLog module;
};

/// What `listtasks` may ask for; an empty member asks for nothing.
struct Filter {
    std::optional<Ip> agent;
    std::optional<std::string> app;
    std::optional<std::string> func;
    std::optional<TaskType> type;
    std::optional<TaskId> cron_id;
    std::optional<TaskStatus> status;
    std::optional<std::string> by;
    std::optional<Instant> since;
    std::optional<Instant> until;
    std::optional<std::int64_t> from_key;   ///< This one, too.
    std::optional<std::int64_t> before_key; ///< Not this one.
};

/// The oldest and the newest `Row::key` there is; 0 without any.
struct Keys {
    std::int64_t oldest = 0;
    std::int64_t newest = 0;
};

/// Of its row.
[[nodiscard]] std::int64_t key_of(Task const& task);
/// Writes a new task. Without `Task::key` its id becomes the key.
void insert(Db& db, Task const& task);
/// Writes what came of it: all but what it was asked for.
void update(Db& db, Task const& task);
[[nodiscard]] std::optional<Row> find(Db& db, TaskId id);
/// The key of the task with that id; nothing without one.
[[nodiscard]] std::optional<std::int64_t> find_key(Db& db, TaskId id);
/// The same without what its worker wrote to stderr, which no list shows.
[[nodiscard]] std::optional<Row> find_listed(Db& db, TaskId id);
/// The task of the same agent and app that has this one's `dedup`, or its cron id and fire time.
[[nodiscard]] std::optional<Task> find_twin(Db& db, Task const& task);
/// An open task without its `ins.param`, and how many bytes that has.
struct OpenTask {
    Task task;
    std::size_t param_bytes = 0;
};
/// Those that are unfinished or whose cancel is due, oldest first.
[[nodiscard]] std::vector<OpenTask> open(Db& db);
/// The unfinished tasks of one key, oldest first.
[[nodiscard]] std::vector<TaskId> open_by(Db& db, std::string_view key);
/// "" for an unknown id.
[[nodiscard]] std::string param_of(Db& db, TaskId id);
/// Adds a firing that did not start to the newest record of its job, where that and the two before it did
/// not start either, for the same reason. Returns that record's id, or nothing where the firing needs a
/// record of its own.
[[nodiscard]] std::optional<TaskId> merge_firing(Db& db, Task const& firing);
/// Another task has the firing of this one, which did not start: it becomes `skipped`, with that reason. A
/// record that stands for several firings stands for one less.
void yield_firing(Db& db, TaskId id, std::string_view why);
[[nodiscard]] Keys keys(Db& db);
/// The largest key that a task has or, as far as it is known, had: the newest may have been pruned.
[[nodiscard]] std::int64_t newest_key(Db& db);
/// The key from which on there are about `count` tasks (never many more) before `end`; the oldest where there
/// are fewer. Reads no more than some hundred rows.
[[nodiscard]] std::int64_t key_before(Db& db, std::int64_t end, std::int64_t count);
/// Gives them to `take`, newest first and as `find_listed` does, until it says false or has been given
/// `limit`. No more than one is held.
void list(Db& db, Filter const& filter, std::int64_t limit, std::function<bool(Row)> const& take);
[[nodiscard]] std::optional<TaskEngine::LastRun> last_run(Db& db, TaskId cron_id);

struct OutputPiece {
    std::int64_t at = 0; ///< Bytes from the beginning of its stream.
    std::string data;
    Instant time{}; ///< When it came; not read back.
};
/// Appends it to the row that begins at `row` and ends where it begins; where there is no such row, as
/// `insert_output` does. Returns how many bytes were written.
std::int64_t append_output(
    Db& db, TaskId id, OutputStream stream, std::int64_t row, OutputPiece const& piece);
/// Writes those bytes of it that are not there yet, as rows of their own. Returns how many.
std::int64_t insert_output(Db& db, TaskId id, OutputStream stream, OutputPiece const& piece);
/// The pieces that have something of the `limit` bytes from `offset` on, in their order. What comes before
/// is not read.
[[nodiscard]] std::vector<OutputPiece> output(
    Db& db, TaskId id, OutputStream stream, std::int64_t offset, std::int64_t limit);
/// Where the last piece ends; 0 without any.
[[nodiscard]] std::int64_t output_size(Db& db, TaskId id, OutputStream stream);
/// Counts bytes that the server did not keep.
void add_left_out(Db& db, TaskId id, std::int64_t bytes);
[[nodiscard]] std::int64_t left_out(Db& db, TaskId id);
/// Of both streams, and what is known of bytes that were not kept.
void delete_output(Db& db, TaskId id);
/// Of both streams.
struct OutputTimes {
    std::optional<Instant> first;
    std::optional<Instant> last;
    std::int64_t bytes = 0;
};
[[nodiscard]] OutputTimes output_times(Db& db, TaskId id);

struct Delivery {
    TaskId id;
    Instant since;
    std::string app;
};
void queue_delivery(Db& db, TaskId id, Instant now);
void drop_delivery(Db& db, TaskId id);
[[nodiscard]] bool owes_delivery(Db& db, TaskId id);
[[nodiscard]] std::vector<Delivery> deliveries(Db& db);
void put_delivered(Db& db, TaskId id, ModuleLog const& log);
void put_processed(Db& db, TaskId id, ModuleLog const& log);

/// How long finished tasks are kept.
struct KeepTimes {
    std::chrono::milliseconds others{0}; ///< Done, canceled, skipped.
    std::chrono::milliseconds failed{0}; ///< Ended in another way.
};
/// Deletes up to `limit` tasks that owe nothing and are kept for long enough at `now`. Walks from the oldest
/// on, a bounded number of tasks each time, and goes on where the last call on this connection stopped; after
/// a tenth of the shorter time, an hour at most, it begins anew, for what was not to be deleted before.
/// `is_kept`: whether the tasks of a run stay, however old; may be empty.
[[nodiscard]] PruneResult prune(Db& db, Instant now, KeepTimes keep, std::int64_t limit,
    std::function<bool(Db&, TaskId run)> const& is_kept = {});

} // namespace elves::task_records
