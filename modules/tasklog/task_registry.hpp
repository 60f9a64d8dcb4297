#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "elves/services/quotas.hpp"
#include "elves/services/task_engine.hpp"
#include "open_task.hpp"

namespace elves {

/// The open tasks in memory, and what they take: for each agent, each key, and in all. On the loop's thread.
class TaskRegistry {
public:
    /// `quotas`: says which keys are deleted; null where there are no keys. Outlives this.
    explicit TaskRegistry(Quotas const* quotas = nullptr) : quotas_(quotas) {}

    /// Null for a task that is not in memory.
    [[nodiscard]] OpenTaskPtr find(TaskId id) const;
    /// Adds an open task that is charged for `bytes`.
    OpenTaskPtr insert(Task task, std::size_t bytes);
    /// A finished task that something is decided about once more: neither counted nor listed.
    OpenTaskPtr insert_finished(Task task);
    /// Takes a task that has ended out of the totals and lists.
    void remove_from_totals(OpenTask& open);
    void erase(TaskId id) { tasks_.erase(id); }

    [[nodiscard]] std::vector<TaskId> of_agent(Ip const& agent) const;
    [[nodiscard]] std::vector<TaskId> all() const;
    /// Its state, or one of its flags, has changed.
    void update_lists(OpenTask& open);
    /// How many tasks of that run are in each state, of those whose end has not been told yet.
    [[nodiscard]] TaskEngine::StatusCounts counts_of_run(TaskId run) const;
    /// Some task waits to be handed over, to whichever agent.
    [[nodiscard]] bool has_waiting() const noexcept { return waiting_count_ > 0; }
    /// The oldest task that waits to be handed over to that agent; null without one.
    [[nodiscard]] OpenTaskPtr next_waiting(Ip const& agent) const;

    /// New ones count while they are being written: so do those then for which there was no room.
    [[nodiscard]] std::size_t count_of(Ip const& agent) const;
    /// About what those take on disk.
    [[nodiscard]] std::size_t bytes_of(Ip const& agent) const;
    /// Of all agents together, without those of deleted keys.
    [[nodiscard]] std::size_t total_count() const noexcept { return total_count_; }
    [[nodiscard]] std::size_t total_bytes() const noexcept { return total_bytes_; }

    /// What the open tasks of one key take, of all agents and of one.
    struct Holdings {
        std::size_t tasks = 0;
        std::size_t bytes = 0;
        std::size_t tasks_on_agent = 0;
        std::size_t bytes_on_agent = 0;
    };
    [[nodiscard]] Holdings holdings(std::string_view key, Ip const& agent) const;
    void add_holders(std::set<std::string>& keys) const;
    void on_key_deleted(std::string_view key);

    /// Room for a task while it is being written.
    class Reservation {
    public:
        Reservation(TaskRegistry& registry, Ip const& agent, std::string const& key, std::size_t bytes);
        Reservation(Reservation const&) = delete;
        Reservation& operator=(Reservation const&) = delete;
        ~Reservation();

    private:
        TaskRegistry& registry_;
        Ip agent_;
        std::string key_;
        std::size_t bytes_;
    };

private:
    struct Totals {
        std::size_t tasks = 0;
        std::size_t bytes = 0;
    };
    struct OfAgent {
        std::map<std::uint64_t, TaskId> tasks;   ///< Oldest first.
        std::map<std::uint64_t, TaskId> waiting; ///< Those of them that wait for their hand-over.
        std::size_t reserved = 0;
        std::size_t bytes = 0;
        std::vector<std::pair<std::string, Totals>> keys; ///< What each key holds of it; few.
    };
    struct OfKey {
        Totals held;
        bool is_deleted = false; ///< Then it takes no room in the pools of all keys.
    };

    void update_waiting(OpenTask& open);
    void update_run(OpenTask& open);
    OfAgent& add(Ip const& agent, std::string const& key, std::size_t bytes);
    void subtract(Ip const& agent, std::string const& key, std::size_t bytes);

    Quotas const* quotas_;
    std::uint64_t last_order_ = 0;
    std::unordered_map<TaskId, OpenTaskPtr> tasks_;
    std::unordered_map<Ip, OfAgent> by_agent_;
    std::map<std::string, OfKey, std::less<>> by_key_;
    struct OfRun {
        TaskEngine::StatusCounts counts{};
        std::size_t total = 0;
    };
    std::unordered_map<TaskId, OfRun> by_run_;
    std::size_t waiting_count_ = 0;
    std::size_t total_count_ = 0;
    std::size_t total_bytes_ = 0;
};

} // namespace elves
