#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cron_job.hpp"
#include "elves/asio.hpp"
#include "elves/error.hpp"
#include "elves/services/quotas.hpp"
#include "elves/store.hpp"
#include "elves/task.hpp"

namespace elves {

/// Why a firing may not be recorded: another one of its job has to be first, or its turn is over (it is
/// accounted for already, or the job is gone, paused or another one by now).
class TurnRefused : public Error {
public:
    explicit TurnRefused(bool is_over, std::optional<Instant> mark_ = {})
        : Error(codes::no_cron, is_over ? "this firing's turn is over" : "an earlier firing is not on disk")
        , over(is_over)
        , mark(mark_)
    {
    }
    bool over;
    std::optional<Instant> mark; ///< Of the job on disk, where an earlier firing has to be first.
};

/// The cron jobs: in memory, and on disk first. The only place with their SQL. On the loop's thread.
class CronJobs final : public KeyResources {
public:
    /// How many there may be in all, and for one agent; and bytes of their texts. Each is a pool that keys
    /// share (elves/quota.hpp).
    struct Bounds {
        std::size_t all = 1'000'000;
        std::size_t one_agent = 10'000;
        std::size_t all_bytes = 256UL * 1024 * 1024;
        std::size_t one_agent_bytes = 16UL * 1024 * 1024;
    };
    /// `quotas`: null where there are no keys. Outlives this.
    explicit CronJobs(Store& store, Quotas const* quotas = nullptr);
    CronJobs(Store& store, Bounds bounds, Quotas const* quotas = nullptr);

    /// Before the loop runs only: brings their table up to date.
    static void migrate(Store& store);
    /// Before the loop runs only: reads them all.
    void load();

    /// Null where there is none. Valid until the next co_await.
    [[nodiscard]] CronJob const* find(TaskId id) const;
    /// One agent's, by id.
    [[nodiscard]] std::vector<TaskId> of_agent(Ip const& agent) const;
    [[nodiscard]] std::unordered_map<TaskId, CronJob> const& all() const noexcept { return jobs_; }
    /// All jobs by agent, then by id. Valid until the next co_await.
    [[nodiscard]] std::map<Ip, std::set<TaskId>> const& by_agent() const noexcept { return by_agent_; }
    /// The most bytes that one agent's `self` jobs take in a frame, paused ones included.
    [[nodiscard]] std::size_t own_bytes(Ip const& agent) const;
    /// How many those are.
    [[nodiscard]] std::size_t own_count(Ip const& agent) const;
    /// The agent's job of that name.
    [[nodiscard]] std::optional<TaskId> named(Ip const& agent, std::string const& name) const;
    /// Those that one key set, by id. Valid until the next co_await.
    [[nodiscard]] std::set<TaskId> const& of_key(std::string_view key) const;

    /// Jobs that may be watched.
    static constexpr std::size_t most_watched = 500;
    /// The jobs that metrics watch, by name, then by id. Valid until the next co_await.
    [[nodiscard]] std::set<std::pair<std::string, TaskId>> const& watched() const noexcept
    {
        return watched_;
    }
    /// A task has reached its final state, on disk: where it is a run of a job that is watched, that is
    /// noted, and written soon.
    void note_end(Task const& task);

    void add_usage(std::string_view key, KeyUsage& usage) const override;
    void add_holders(std::set<std::string>& keys) const override;
    void on_key_deleted(std::string_view key) override;

    // Within another one's work, in its transaction; and when that is on disk:
    static void erase_in(Db& db, TaskId id);
    void drop(TaskId id);

    // Each of these returns when it is on disk, together with what `also` writes. Error 507.1: nothing has
    // changed.
    /// Throws Error 429.1 where there are too many, or their texts would take too much.
    [[nodiscard]] asio::awaitable<void> add(CronJob job, Store::Work also = {});
    /// All but `on` and `created`. Returns whether the job fired at other times until then. Throws Error
    /// 411.1 where it is gone by now, as do the next two; 429.1 where it grows and there is no room.
    [[nodiscard]] asio::awaitable<bool> replace(CronJob job, Store::Work also = {});
    [[nodiscard]] asio::awaitable<void> erase(TaskId id, Store::Work also = {});
    /// The times that passed while it was paused don't count: they are settled up to `now`.
    [[nodiscard]] asio::awaitable<void> set_on(TaskId id, bool on, Instant now, Store::Work also = {});
    /// Pauses several; an id that is gone is passed over.
    [[nodiscard]] asio::awaitable<void> pause_all(std::vector<TaskId> ids);

    /// What an agent said to a list of its jobs.
    struct Told {
        Instant at{}; ///< When the list was made.
        /// The jobs that it was about, in the list or missing there, with the versions that they had.
        std::vector<std::pair<TaskId, std::uint64_t>> jobs;
        std::map<TaskId, std::string> refused; ///< Of those in the list: why it can't use them.
        /// Up to when it has accounted for jobs that it held before and holds no more.
        std::map<TaskId, Instant> accounted;
    };
    /// Returns the jobs about which something is new.
    [[nodiscard]] asio::awaitable<std::vector<TaskId>> agent_was_told(Told told);
    /// The clock was set back: no mark stays ahead of `now`.
    [[nodiscard]] asio::awaitable<void> rewind(Instant now);

    /// Part of the transaction that records a firing: its job's times after `from` up to `to` are accounted
    /// for. Throws TurnRefused where they may not be, which undoes the recording: so no time is settled
    /// twice, nor before an earlier one.
    /// `owed`: the time of a run that makes up for missed ones, from now on.
    [[nodiscard]] static std::function<void(Db&)> settling(
        TaskId id, Instant from, Instant to, std::optional<Instant> owed = std::nullopt);
    /// Part of the transaction that records the run which is owed. Throws TurnRefused where none is.
    [[nodiscard]] static std::function<void(Db&)> paying(TaskId id, Instant owed);
    /// These alone.
    [[nodiscard]] asio::awaitable<void> settle(TaskId id, Instant from, Instant to);
    [[nodiscard]] asio::awaitable<void> pay(TaskId id, Instant owed);

private:
    /// What jobs there are, those on their way to the disk included.
    struct Held {
        std::size_t jobs = 0;
        std::size_t bytes = 0;
    };
    /// What one key's jobs take.
    struct OfKey {
        Held held;
        std::set<TaskId> ids;
        bool is_deleted = false; ///< Then they take no room in the pools of all keys.
    };
    /// Whom a job is charged to: its agent's and its key's part of the pools.
    struct Charged {
        Ip agent;
        std::string key;
        Held held;
    };
    void keep(CronJob job);
    bool reserve_name(std::pair<Ip, std::string> const& name, TaskId id);
    [[nodiscard]] static AgentKnows known_after(CronJob const& old, CronJob const& now);
    static void mark_paused_or_started(CronJob& job, bool on);
    void count_own(CronJob const& job);
    void uncount_own(CronJob const& job);
    void forget(CronJob const& job);
    void require_room(Charged const& more) const;
    void require_watchable(CronJob const& job) const;
    void require_quota(Charged const& more) const;
    void hold(Charged const& more);
    void release(Charged const& less);
    [[nodiscard]] asio::awaitable<void> write_held(Charged held, Store::Work work);

    Store& store_;
    Bounds bounds_;
    Quotas const* quotas_;
    std::unordered_map<TaskId, CronJob> jobs_;
    std::map<Ip, std::set<TaskId>> by_agent_;
    std::map<std::pair<Ip, std::string>, TaskId> names_; ///< Those on their way to disk included.
    std::map<std::string, OfKey, std::less<>> by_key_;
    std::set<std::pair<std::string, TaskId>> watched_;
    std::unordered_map<Ip, Held> held_;
    std::unordered_map<Ip, Held> own_; ///< `self` jobs, with the bytes that they take in a frame.
    std::map<std::pair<Ip, std::string>, Held> held_by_key_; ///< Of one agent, by one key.
    Held all_held_;
};

} // namespace elves
