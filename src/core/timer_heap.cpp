#include "core/timer_heap.hpp"

namespace elves {

struct TimerHeap::Entry {
    Then then;
};

/// Knows its key only, and looks: it may have fired already. Keys are not used twice.
class TimerHeap::Handle {
public:
    Handle(std::weak_ptr<Entries> entries, Key key) : entries_(std::move(entries)), key_(key) {}
    ~Handle()
    {
        auto const entries = entries_.lock();
        if (!entries) return;
        // Taken out first and destroyed after: `then` may own handles of other timers.
        auto const gone = entries->extract(key_);
    }
    Handle(Handle const&) = delete;
    Handle& operator=(Handle const&) = delete;

private:
    std::weak_ptr<Entries> entries_;
    Key key_;
};

TimerHeap::TimerHeap() : entries_(std::make_shared<Entries>()) {}

TimerHeap::~TimerHeap() = default;

std::shared_ptr<void> TimerHeap::add(Time deadline, Then then)
{
    Key const key(deadline, next_number_++);
    auto handle = std::make_shared<Handle>(entries_, key);
    entries_->emplace(key, Entry{std::move(then)});
    return handle;
}

std::optional<TimerHeap::Time> TimerHeap::earliest() const
{
    if (entries_->empty()) return std::nullopt;
    return entries_->begin()->first.first;
}

void TimerHeap::run_due(Time now)
{
    auto const end_of_old = next_number_;
    // A call may stop or add others, or destroy the heap: nothing is held across it but the map.
    auto const entries = entries_;
    auto next = entries->begin();
    while (next != entries->end() && next->first.first <= now) {
        if (next->first.second >= end_of_old) {
            ++next;
            continue;
        }
        auto const key = next->first;
        auto const due = entries->extract(next);
        due.mapped().then();
        next = entries->upper_bound(key);
    }
}

std::size_t TimerHeap::size() const { return entries_->size(); }

} // namespace elves
