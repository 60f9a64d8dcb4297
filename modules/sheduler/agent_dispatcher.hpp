#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent_calls.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/services/dispatcher.hpp"
#include "elves/services/quotas.hpp"

namespace elves {

/// The server stops while somebody waits for this task: it goes on, and its result is in the log later.
class StoppedWaiting final : public Error {
public:
    explicit StoppedWaiting(Task task_)
        : Error(codes::shutting_down,
              "the server is shutting down; task " + task_.id.text() + " goes on, ask for its result later")
        , task(std::move(task_))
    {
    }
    Task task;
};

/// Runs work on agents, and sees every task to its end: hands over, waits, asks again on a new link and when
/// its time is over, tells of cancels. Every decision is elves::life's, by way of the TaskLog. On the loop's
/// thread.
class AgentDispatcher final : public Dispatcher, public KeyResources {
public:
    /// How many unfinished tasks one agent may have, and what they may take on disk, one agent's and all.
    /// Each is a pool that keys share (elves/quota.hpp).
    struct Bounds {
        std::size_t tasks = 10'000;
        std::size_t bytes = 256UL * 1024 * 1024;
        std::size_t all_bytes = 4096UL * 1024 * 1024;
        std::size_t all_tasks = 1'000'000; ///< About 1 KiB of memory each.
    };
    /// `quotas`: null where there are no keys. Outlives this, as do the others.
    AgentDispatcher(LoopExecutor loop, Clock& clock, Zone zone, Presence& presence, TaskLog& log,
        AppDirectory const& apps, Quotas const* quotas = nullptr);

    /// Takes up the tasks that were open when the server ended. Before the loop runs only.
    void start();
    /// Whoever waits in `run` is told that the server stops; their tasks go on.
    void stop();
    void set_bounds(Bounds bounds) { bounds_ = bounds; }
    void set_handover_timeout(std::chrono::seconds limit) { handover_timeout_ = limit; }
    void set_default_timeout(std::chrono::seconds timeout) { default_timeout_ = timeout; }

    [[nodiscard]] asio::awaitable<TaskLog::Recorded> send(Order order) override;
    /// Looks at the first task with that `dedup`, and throws where it is not to be waited for.
    using Judge = std::function<void(Task const&)>;
    /// As `sendsync`: returns when the worker has answered, or its timeout is over.
    [[nodiscard]] asio::awaitable<Task> run(Order order, Judge judge = {});
    [[nodiscard]] asio::awaitable<Task> cancel(TaskId id, std::function<void(Db&)> also) override;
    [[nodiscard]] std::chrono::seconds default_timeout() const override { return default_timeout_; }
    void require_processor(Instruction const& ins) const override;
    /// Cancels the open tasks of one key.
    [[nodiscard]] asio::awaitable<std::size_t> end_all(std::string key) override;

private:
    using Outcome = std::optional<Task>; ///< Nothing: the server is stopping.
    /// An agent's answer to an instruction, for who hands it over.
    struct HandOver {
        OneShot<life::Event> event;
        /// Nobody waits for it any more: it goes to the log alone.
        std::shared_ptr<bool> late = std::make_shared<bool>(false);
    };

    void require_room(Order const& order) const;
    void require_quota(Order const& order, TaskLog::Holdings const& held, Quotas::Limits const& limits) const;
    [[nodiscard]] asio::awaitable<void> cancel_for_key(TaskId id, OneShot<bool> over);
    /// Throws Error 429.1 where there is no room for it. The log counts it from `record` on: nothing may wait
    /// in between, or those that come together would all find the same room.
    [[nodiscard]] Task task_of(Order order) const;
    void watch_new(TaskLog::Recorded const& recorded);
    [[nodiscard]] asio::awaitable<Task> hand_over(SharedTask task);
    [[nodiscard]] asio::awaitable<void> instruct(SharedTask task, HandOver answer);
    [[nodiscard]] asio::awaitable<Task> taken_by_now(Task task);
    [[nodiscard]] asio::awaitable<void> run_on_agent(SharedTask task);
    [[nodiscard]] asio::awaitable<void> tell_cancel(Ip agent, TaskId id);
    [[nodiscard]] asio::awaitable<void> take_up(Ip agent);
    [[nodiscard]] asio::awaitable<void> ask_about(Ip agent, std::vector<TaskId> ids);
    [[nodiscard]] asio::awaitable<void> over(TaskId id);
    [[nodiscard]] asio::awaitable<void> note(TaskId id, life::Event event);
    [[nodiscard]] asio::awaitable<void> note_told(TaskId id);
    void answer(Task const& task);
    void tell_asking(Task const& task);
    void watch(Task const& task);
    void watch_again(TaskId id, std::chrono::milliseconds delay);
    void background(asio::awaitable<void> work, TaskId id);

    LoopExecutor loop_;
    Clock& clock_;
    Presence& presence_;
    TaskLog& log_;
    AppDirectory const& apps_;
    Quotas const* quotas_;
    AgentCalls agents_;
    Bounds bounds_;
    std::chrono::seconds handover_timeout_{10};
    std::chrono::seconds default_timeout_{90};
    std::unordered_map<TaskId, std::vector<OneShot<Outcome>>> waiting_; ///< `run`s.
    /// What came of tasks, as callers know it and the disk does not yet: nothing else may become of them.
    std::unordered_map<TaskId, life::Event> told_;
    std::unordered_map<TaskId, Timer> watches_; ///< When something has to be done about an open task.
    std::unordered_map<TaskId, std::vector<OneShot<Task>>> taking_; ///< Who asks for one that is handed over.
    /// Tasks that are being handed over, and on which link: what is on its way is not asked about.
    std::unordered_map<TaskId, Peer const*> on_the_way_;
};

} // namespace elves
