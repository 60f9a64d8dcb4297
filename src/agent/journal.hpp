#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/server_contact.hpp"
#include "agent/worker_queue.hpp"
#include "elves/instruction.hpp"
#include "elves/output_stream.hpp"
#include "elves/store.hpp"
#include "elves/task.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// How far a task is here. `started` is on disk before its process exists.
enum class Stage { taken, started, done };

/// Which time of which cron job a task is for.
struct Firing {
    TaskId cron_id;
    Instant fire_time{};
    bool skipped = false;  ///< Nothing ran: the task only says why.
    bool replaced = false; ///< A newer run of its job canceled it.
    bool is_sent = false;  ///< The server fired it, not the agent's own cron.
};

/// A task as the journal knows it.
struct Entry {
    TaskId id;
    TaskType type = TaskType::async;
    Stage stage = Stage::taken;
    Instruction ins;
    Account account;
    Instant taken{};
    std::optional<Instant> started;
    std::optional<Instant> start_by;    ///< Not started after this; by the server's clock.
    std::optional<Firing> firing;       ///< Nothing where it is none of a cron job.
    std::optional<WorkerReport> report; ///< When `done`.
    bool confirmed = false;             ///< The server has the result on disk.
};

/// One of the agent's own cron jobs.
struct CronRow {
    TaskId id;
    std::string entry;             ///< As `setcrons` brought it: JSON.
    Instant accounted;             ///< Every time up to this has its task, or a record that says why not.
    std::optional<Instant> owed{}; ///< The time of a run that makes up for missed ones.
};

/// What happens to a job together with the task of one of its firings.
struct CronMark {
    std::optional<Instant> accounted{}; ///< It is accounted for up to here.
    std::optional<Instant> owed{};      ///< A run is owed at this time.
    std::optional<Instant> paid{};      ///< The run that was owed at this time is this one.
};

/// Whose journal it is.
struct Owner {
    std::string machine; ///< See machine_mark(); "" where it is not known.
    std::string address; ///< The agent's; "" before the first registration.
    friend bool operator==(Owner const&, Owner const&) = default;
};

/// Where a piece of a worker's output belongs.
struct OutputPlace {
    TaskId id;
    OutputStream stream = OutputStream::output;
    std::uint64_t at = 0; ///< Bytes from the beginning of the stream.
    friend auto operator<=>(OutputPlace const&, OutputPlace const&) = default;
};

/// What the agent must not forget: the tasks that it has taken, results that the server has not confirmed,
/// its own cron jobs. The only SQL of the agent. What waits returns when it is on disk, and throws Error
/// 507.1 when the disk won't take it: nothing has changed then. On the loop's thread.
class Journal {
public:
    /// What its tables go by in the file (`Schema::module`).
    static constexpr std::string_view module = "agent";

    /// Says what its tables are; the store brings them up to date. Before the loop runs only, like both
    /// `load`s.
    explicit Journal(Store& store);

    /// The tasks that are not confirmed, oldest first, results left out. Those that had started and have no
    /// result were cut off by our own end: that becomes their result.
    [[nodiscard]] std::vector<Entry> load_tasks(Instant now);
    [[nodiscard]] std::vector<CronRow> load_crons();
    /// Since when the journal has every task that was handed over to this agent, by the server's clock;
    /// nothing before the first registration with it.
    [[nodiscard]] std::optional<Instant> load_since();
    /// The tasks that had started when our last end cut them off. Before `load_tasks`.
    [[nodiscard]] std::vector<TaskId> cut_off_tasks();

    /// Nothing in a new journal.
    [[nodiscard]] std::optional<Owner> load_owner();
    /// The same of a file that is open. Throws where it has no such table.
    [[nodiscard]] static std::optional<Owner> owner_in(Db& db);
    void put_owner_at_start(Owner const& owner);
    /// Nothing before the first start with this version.
    [[nodiscard]] std::optional<Contact> load_contact();

    /// Where there is unconfirmed output, in order, and how many bytes.
    struct KeptPiece {
        OutputPlace place;
        std::size_t size = 0;
    };
    [[nodiscard]] std::vector<KeptPiece> load_output();

    /// False, and no task written: that id, or that firing, is in here already, unless it ended without
    /// having started. `mark`: of a firing's job, in the same transaction.
    [[nodiscard]] asio::awaitable<bool> take(Entry entry, CronMark mark);
    /// The task that a firing has here.
    [[nodiscard]] asio::awaitable<std::optional<TaskId>> task_of(TaskId cron_id, Instant fire_time);
    /// These runs are canceled because a newer one replaces them.
    [[nodiscard]] asio::awaitable<void> replace(std::vector<TaskId> ids);
    /// The clock was set back: no job is accounted for beyond `now`.
    [[nodiscard]] asio::awaitable<void> rewind_crons(Instant now);
    [[nodiscard]] asio::awaitable<void> start(TaskId id, Instant now);
    [[nodiscard]] asio::awaitable<void> finish(TaskId id, WorkerReport report);
    /// Gives waiting tasks more time to start.
    [[nodiscard]] asio::awaitable<void> extend(std::vector<TaskId> ids, Instant start_by);
    /// The journal is complete from now on, unless it is already.
    [[nodiscard]] asio::awaitable<void> begin(Instant server_now);
    [[nodiscard]] asio::awaitable<void> confirm(std::vector<TaskId> ids, Instant now);
    /// One for each, in the same order; nothing for an unknown one.
    [[nodiscard]] asio::awaitable<std::vector<std::optional<Entry>>> find(std::vector<TaskId> ids);
    [[nodiscard]] asio::awaitable<void> put_owner(Owner owner);
    /// What was in a journal before it was emptied.
    struct Dropped {
        std::int64_t tasks = 0; ///< That no server has confirmed.
        std::int64_t jobs = 0;
    };
    /// Forgets everything, and is that owner's from now on. `since`: as `begin`; nothing: not known yet.
    [[nodiscard]] asio::awaitable<Dropped> empty_for(Owner owner, std::optional<Instant> since);
    [[nodiscard]] asio::awaitable<void> put_contact(Contact contact);
    /// Replaces all of them.
    [[nodiscard]] asio::awaitable<void> put_crons(std::vector<CronRow> rows);
    /// A piece of output; one that is there already stays as it is.
    struct OutputRow {
        OutputPlace place;
        std::string data;
    };
    [[nodiscard]] asio::awaitable<void> put_output(std::vector<OutputRow> rows);
    /// "" where there is none.
    [[nodiscard]] asio::awaitable<std::string> output(OutputPlace place);
    [[nodiscard]] asio::awaitable<void> drop_output(std::vector<OutputPlace> places);
    /// Forgets at most `most` of those confirmed before `before`, and says how many. A Pruner's step.
    [[nodiscard]] static std::int64_t prune(Db& db, Instant before, std::int64_t most);

private:
    Store& store_;
};

} // namespace elves::agent
