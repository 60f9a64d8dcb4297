#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "elves/caller.hpp"
#include "elves/clock.hpp"
#include "elves/task.hpp"

namespace elves {

/// The tasks of the last 24 hours that did not end well, so that they can be counted without a search of the
/// log. On the loop's thread; `clock` outlives it.
class RecentFailures {
public:
    static constexpr std::chrono::hours kept{24};
    static constexpr std::size_t most = 10'000;

    /// One task that did not end well.
    struct Failure {
        TaskId id;
        Ip agent;
        TaskStatus status = TaskStatus::failed;
        Instant end{};
        std::string message; ///< What the worker said, or why it did not start; at most 200 bytes.
    };
    /// Those of one app and function.
    struct Group {
        Instruction ins; ///< Its app and func alone.
        std::map<TaskStatus, std::size_t> counts;
        Failure latest;
        [[nodiscard]] std::size_t count() const;
    };
    struct Found {
        /// From here on all are counted: later than what was asked for where there were too many.
        Instant since{};
        std::vector<Group> groups; ///< The most frequent first.
    };

    explicit RecentFailures(Clock& clock) : clock_(clock), since_(clock.now()) {}

    [[nodiscard]] static bool is_failure(TaskStatus status) noexcept;
    /// A task has reached its final state.
    void finished(Task const& task);
    /// What ended before this process began: from `since` on all of it, oldest first.
    void add_older(std::vector<Task> const& tasks, Instant since);
    /// Those that ended from `since` on, as far as the caller may see them.
    [[nodiscard]] Found find(Instant since, Caller const& caller) const;

private:
    using What = std::pair<std::string, std::string>; ///< App and function.
    struct Entry {
        What const* what; ///< A key of `kinds_`.
        Failure failure;
    };
    [[nodiscard]] Entry entry_of(Task const& task);
    void forget_old();
    void drop_oldest();

    Clock& clock_;
    Instant since_;                     ///< All from here on are there.
    std::deque<Entry> entries_;         ///< By their end.
    std::map<What, std::size_t> kinds_; ///< How many entries each has.
};

} // namespace elves
