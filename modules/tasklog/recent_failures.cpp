#include "recent_failures.hpp"

#include <algorithm>

#include "elves/text_fit.hpp"

namespace elves {

namespace {

constexpr std::size_t message_shown = 200;

Instruction named(std::pair<std::string, std::string> const& what)
{
    Instruction ins;
    ins.app = what.first;
    ins.func = what.second;
    return ins;
}

} // namespace

std::size_t RecentFailures::Group::count() const
{
    std::size_t all = 0;
    for (auto const& [status, count] : counts) all += count;
    return all;
}

bool RecentFailures::is_failure(TaskStatus status) noexcept
{
    return status == TaskStatus::failed || status == TaskStatus::timeout || status == TaskStatus::lost ||
           status == TaskStatus::undelivered || status == TaskStatus::expired;
}

RecentFailures::Entry RecentFailures::entry_of(Task const& task)
{
    auto const place = kinds_.try_emplace({task.ins.app, task.ins.func}).first;
    ++place->second;
    auto const& said = task.report ? task.report->result : task.sync_error;
    return {&place->first, {task.id, task.agent, task.status, task.end.value_or(clock_.now()),
                               std::string(head_that_fits(said, message_shown))}};
}

void RecentFailures::finished(Task const& task)
{
    if (!is_failure(task.status)) return;
    forget_old();
    entries_.push_back(entry_of(task));
    if (entries_.size() > most) drop_oldest();
}

void RecentFailures::add_older(std::vector<Task> const& tasks, Instant since)
{
    std::deque<Entry> older;
    for (auto const& task : tasks) {
        bool const is_older = task.end && *task.end >= since && *task.end < since_;
        if (is_older && is_failure(task.status)) older.push_back(entry_of(task));
    }
    entries_.insert(entries_.begin(), older.begin(), older.end());
    since_ = std::min(since_, since);
    while (entries_.size() > most) drop_oldest();
    forget_old();
}

void RecentFailures::drop_oldest()
{
    auto const& oldest = entries_.front();
    since_ = std::max(since_, oldest.failure.end + std::chrono::milliseconds(1));
    auto const kind = kinds_.find(*oldest.what);
    entries_.pop_front();
    if (--kind->second == 0) kinds_.erase(kind);
}

void RecentFailures::forget_old()
{
    auto const before = clock_.now() - kept;
    while (!entries_.empty() && entries_.front().failure.end < before) drop_oldest();
}

RecentFailures::Found RecentFailures::find(Instant since, Caller const& caller) const
{
    Found found;
    found.since = std::max(since, since_);
    std::map<What const*, bool> may_run;
    std::map<What const*, Group> groups;
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
        auto const& failure = entry->failure;
        if (failure.end < found.since) continue;
        auto const [known, is_new] = may_run.try_emplace(entry->what);
        if (is_new) known->second = caller.may_run(named(*entry->what));
        if (!known->second || !caller.may_touch(failure.agent)) continue;
        auto& group = groups[entry->what];
        if (group.counts.empty()) {
            group.ins = named(*entry->what);
            group.latest = failure;
        }
        ++group.counts[failure.status];
    }
    for (auto& [what, group] : groups) found.groups.push_back(std::move(group));
    std::stable_sort(found.groups.begin(), found.groups.end(),
        [](Group const& a, Group const& b) { return a.count() > b.count(); });
    return found;
}

} // namespace elves
