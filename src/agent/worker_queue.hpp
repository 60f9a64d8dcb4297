#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "elves/task_id.hpp"

namespace elves::agent {

/// On whose account a task runs: the server's word for a key (docs/protocol.md, On the agent's link).
struct Account {
    std::string id; ///< Opaque; "" is a caller without a key, or a server that names none: not limited.
    /// Workers that it may hold at a time; 0: all of them (an admin's key). Empty: half of them.
    std::optional<std::int64_t> workers;
};

/// Queue of the tasks that wait for a worker, and count of the workers that each account holds. Accounts take
/// turns, so that nobody's long tasks keep the others from running:
/// - an account holds at most its own share of the workers, and not the last free one where there are
/// several;
/// - from three workers on, limited accounts together leave one for those that are not limited.
/// The room for waiting tasks is divided likewise. No I/O; on the loop's thread.
class WorkerQueue {
public:
    WorkerQueue(std::size_t max_workers, std::size_t max_queued)
        : max_workers_(max_workers), max_queued_(max_queued)
    {
    }

    /// True where a task of this account need not wait: nothing of it waits, and it may hold one more worker.
    [[nodiscard]] bool can_start(Account const& account) const;
    void take_worker(Account const& account);
    void give_back_worker(Account const& account);

    /// Why no task of this account may wait; empty where one may.
    [[nodiscard]] std::optional<std::string> refusal(Account const& account) const;
    /// Room for a task that is on its way into the queue.
    void reserve(Account const& account);
    void release(Account const& account);

    void push_back(TaskId id, Account const& account);
    /// For one that could not be started after all.
    void push_front(TaskId id, Account const& account);
    /// The next task that may start, its worker taken; empty where none may.
    [[nodiscard]] std::optional<TaskId> pop();
    /// False where it does not wait.
    bool erase(TaskId id, Account const& account);
    void clear();

    /// Workers taken.
    [[nodiscard]] std::size_t busy() const noexcept { return busy_; }

private:
    struct Group {
        std::deque<TaskId> waiting;
        std::size_t busy = 0;
        std::size_t reserved = 0;
        std::size_t share = 0; ///< Workers that it may hold.
        bool is_limited = false;
    };
    using Groups = std::map<std::string, Group>;

    [[nodiscard]] std::size_t share_of(Account const& account) const;
    [[nodiscard]] bool has_worker_for(std::size_t busy, std::size_t share, bool is_limited) const;
    Group& group_of(Account const& account);
    void drop_if_unused(Account const& account);
    void count_waiting(Group const& group, int by);

    std::size_t max_workers_;
    std::size_t max_queued_;
    Groups groups_;
    std::list<std::string> turns_; ///< Accounts with waiting tasks; the first has the next turn.
    std::size_t busy_ = 0;
    std::size_t limited_busy_ = 0;
    std::size_t queued_ = 0; ///< Waiting and reserved.
    std::size_t limited_queued_ = 0;
};

} // namespace elves::agent
