#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daily_bytes.hpp"
#include "elves/clock.hpp"
#include "elves/services/quotas.hpp"
#include "elves/services/task_log.hpp"
#include "elves/store.hpp"

namespace elves {

/// The tasks: those that are open in memory, without their params, and all on disk. Asks elves::life what an
/// event means, writes it, and only then tells. The events of one task wait for each other.
class TaskBook final : public TaskLog, public KeyResources {
public:
    /// `quotas`: says which keys are deleted; null where there are no keys. Outlives this.
    TaskBook(Store& store, Clock& clock, Quotas const* quotas = nullptr);

    /// Loads the open ones. Before the loop runs only.
    void load();
    void set_lost_after(std::chrono::seconds lost_after) { lost_after_ = lost_after; }

    [[nodiscard]] asio::awaitable<Recorded> record(Task task, std::function<void(Db&)> also) override;
    [[nodiscard]] asio::awaitable<life::Decision> apply(
        TaskId id, life::Event event, std::function<void(Db&)> also) override;
    using TaskLog::apply;
    [[nodiscard]] bool note(TaskId id, life::Event const& event) override;
    /// Has written what was noted: before somebody reads from the disk.
    void flush();
    [[nodiscard]] asio::awaitable<std::optional<Task>> find(TaskId id) override;
    [[nodiscard]] Task const* open(TaskId id) const override;
    [[nodiscard]] bool is_deciding(TaskId id) const override;
    [[nodiscard]] std::vector<TaskId> open_of(Ip const& agent) const override;
    [[nodiscard]] std::size_t open_count(Ip const& agent) const override;
    [[nodiscard]] std::size_t open_bytes(Ip const& agent) const override;
    [[nodiscard]] std::size_t all_open_bytes() const override { return all_open_bytes_; }
    [[nodiscard]] std::vector<TaskId> open_all() const override;
    [[nodiscard]] std::size_t all_open_count() const override { return all_open_count_; }
    [[nodiscard]] Holdings holdings(std::string_view key, Ip const& agent) const override;
    [[nodiscard]] asio::awaitable<std::vector<TaskId>> open_by(std::string key) override;
    [[nodiscard]] asio::awaitable<std::string> param_of(TaskId id) override;
    [[nodiscard]] DailyBytes& daily_bytes() noexcept { return written_; }

    void add_usage(std::string_view key, KeyUsage& usage) const override;
    void add_holders(std::set<std::string>& keys) const override;
    void on_key_deleted(std::string_view key) override;

    void on_finished(std::function<void(Task const&)> then) override
    {
        on_finished_.push_back(std::move(then));
    }
    void cron_jobs_from(std::function<std::optional<CronJobOf>(TaskId)> source) override
    {
        cron_job_ = std::move(source);
    }
    /// Nullopt where there is no such job (any more).
    [[nodiscard]] std::optional<CronJobOf> cron_job(TaskId cron) const
    {
        return cron_job_ ? cron_job_(cron) : std::nullopt;
    }
    [[nodiscard]] asio::awaitable<std::vector<std::optional<LastRun>>> last_runs(
        std::vector<TaskId> crons) override;
    [[nodiscard]] std::chrono::seconds lost_after() const override { return lost_after_; }

private:
    struct Entry {
        Task task;               ///< Without `ins.param`.
        std::size_t bytes = 0;   ///< What it is charged for.
        std::uint64_t order = 0; ///< Of its recording, for `open_of`.
        bool listed = false;     ///< In `by_agent_`.
        bool busy = false;
        bool ahead = false; ///< Of what is on disk: something was noted.
        std::list<asio::any_completion_handler<void()>> waiting;
    };
    struct Held {
        std::size_t tasks = 0;
        std::size_t bytes = 0;
    };
    /// One agent's open tasks, oldest first, those on their way to disk, and what all of them take there.
    struct OfAgent {
        std::map<std::uint64_t, TaskId> tasks;
        std::size_t coming = 0;
        std::size_t bytes = 0;
        std::vector<std::pair<std::string, Held>> keys; ///< What each key holds of it; few.
    };
    /// What one key's open tasks take.
    struct OfKey {
        Held held;
        bool is_deleted = false; ///< Then it takes no room in the pools of all keys.
    };
    /// What a new task takes while it is on its way to disk; nothing any more when this is gone.
    class Coming;
    /// The bytes that a new row is charged for today; taken back when this is gone, unless it was written.
    class DayCharge;
    /// The right to change one task; the next in the queue has it when this is gone.
    class Turn;

    /// Of one that is over: from disk.
    [[nodiscard]] asio::awaitable<std::shared_ptr<Entry>> fetch(TaskId id);
    [[nodiscard]] asio::awaitable<void> wait_for_turn(std::shared_ptr<Entry> entry);
    void fall_behind(std::vector<std::shared_ptr<Entry>> entries);
    void flush_after(std::chrono::milliseconds delay);
    OfAgent& hold(Task const& task, std::size_t bytes);
    void release(Task const& task, std::size_t bytes);
    void hold_for_key(OfAgent& of_agent, std::string const& key, std::size_t bytes);
    void release_for_key(OfAgent& of_agent, std::string const& key, std::size_t bytes);
    void keep(Task const& task, std::size_t bytes);
    void settle(Entry& entry);
    void end_turn(std::shared_ptr<Entry> const& entry);
    void tell_finished(Task const& task);

    Store& store_;
    Clock& clock_;
    Quotas const* quotas_;
    DailyBytes written_;
    std::chrono::seconds lost_after_{0};
    std::uint64_t last_order_ = 0;
    std::unordered_map<TaskId, std::shared_ptr<Entry>> entries_;
    std::unordered_map<Ip, OfAgent> by_agent_;
    std::map<std::string, OfKey, std::less<>> by_key_;
    std::size_t all_open_count_ = 0;
    std::size_t all_open_bytes_ = 0;
    std::vector<std::shared_ptr<Entry>> ahead_;
    Timer flushing_;
    std::vector<std::function<void(Task const&)>> on_finished_;
    std::function<std::optional<CronJobOf>(TaskId)> cron_job_;
};

} // namespace elves
