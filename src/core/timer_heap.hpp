#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace elves {

/// Deadlines and what to call then. Adding, stopping and firing cost the logarithm of how many there are, and
/// what is stopped is gone at once: most timeouts never fire.
class TimerHeap {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Then = std::function<void()>;

    TimerHeap();
    ~TimerHeap();
    TimerHeap(TimerHeap const&) = delete;
    TimerHeap& operator=(TimerHeap const&) = delete;

    /// Dropping what is returned stops the timer; it may outlive the heap.
    [[nodiscard]] std::shared_ptr<void> add(Time deadline, Then then);
    [[nodiscard]] std::optional<Time> earliest() const;
    /// Calls all whose deadline has come, the earliest first, of equal ones the first added. Not those that
    /// are added by these calls. An exception of one leaves the later ones for the next time.
    void run_due(Time now);
    [[nodiscard]] std::size_t size() const;

private:
    using Key = std::pair<Time, std::uint64_t>; ///< With a number, since deadlines may be equal.
    struct Entry;
    using Entries = std::map<Key, Entry>;
    class Handle;

    std::shared_ptr<Entries> entries_;
    std::uint64_t next_number_ = 0;
};

} // namespace elves
