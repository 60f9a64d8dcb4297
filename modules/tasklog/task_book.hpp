#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/services/task_log.hpp"
#include "elves/store.hpp"

namespace elves {

/// The tasks: those that are open in memory, all on disk. Asks elves::life what an event means, writes it,
/// and only then tells. The events of one task wait for each other.
class TaskBook final : public TaskLog {
public:
    TaskBook(Store& store, Clock& clock);

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
        Task task;
        std::uint64_t order = 0; ///< Of its recording, for `open_of`.
        bool listed = false;     ///< In `by_agent_`.
        bool busy = false;
        bool ahead = false; ///< Of what is on disk: something was noted.
        std::list<asio::any_completion_handler<void()>> waiting;
    };
    /// One agent's open tasks, oldest first, those on their way to disk, and what all of them take in memory.
    struct OfAgent {
        std::map<std::uint64_t, TaskId> tasks;
        std::size_t coming = 0;
        std::size_t bytes = 0;
    };
    /// What a new task takes while it is on its way to disk; nothing any more when this is gone.
    class Coming;
    /// The right to change one task; the next in the queue has it when this is gone.
    class Turn;

    /// Of one that is over: from disk.
    [[nodiscard]] asio::awaitable<std::shared_ptr<Entry>> fetch(TaskId id);
    [[nodiscard]] asio::awaitable<void> wait_for_turn(std::shared_ptr<Entry> entry);
    void fall_behind(std::vector<std::shared_ptr<Entry>> entries);
    void flush_after(std::chrono::milliseconds delay);
    OfAgent& hold(Task const& task);
    void release(Task const& task);
    void keep(Task const& task);
    void settle(Entry& entry);
    void end_turn(std::shared_ptr<Entry> const& entry);
    void tell_finished(Task const& task);

    Store& store_;
    Clock& clock_;
    std::chrono::seconds lost_after_{0};
    std::uint64_t last_order_ = 0;
    std::unordered_map<TaskId, std::shared_ptr<Entry>> entries_;
    std::unordered_map<Ip, OfAgent> by_agent_;
    std::size_t all_open_bytes_ = 0;
    std::vector<std::shared_ptr<Entry>> ahead_;
    Timer flushing_;
    std::vector<std::function<void(Task const&)>> on_finished_;
    std::function<std::optional<CronJobOf>(TaskId)> cron_job_;
};

} // namespace elves
