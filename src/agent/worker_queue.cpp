#include "agent/worker_queue.hpp"

#include <algorithm>

#include "elves/quota.hpp"

namespace elves::agent {

namespace {

/// From so many workers on, one is kept for accounts that are not limited.
constexpr std::size_t enough_to_reserve = 3;

bool is_limited(Account const& account) { return !account.id.empty() && account.workers != 0; }

} // namespace

std::size_t WorkerQueue::share_of(Account const& account) const
{
    if (!is_limited(account)) return max_workers_;
    auto const most = std::max<std::size_t>(max_workers_ - 1, 1);
    auto const share = account.workers ? static_cast<std::size_t>(*account.workers) : max_workers_ / 2;
    return std::clamp<std::size_t>(share, 1, most);
}

bool WorkerQueue::has_worker_for(std::size_t busy, std::size_t share, bool is_limited) const
{
    if (busy >= share || busy_ >= max_workers_) return false;
    bool const is_reserved = max_workers_ >= enough_to_reserve && limited_busy_ >= max_workers_ - 1;
    return !is_limited || !is_reserved;
}

bool WorkerQueue::can_start(Account const& account) const
{
    auto const found = groups_.find(account.id);
    if (found != groups_.end() && !found->second.waiting.empty()) return false;
    auto const busy = found == groups_.end() ? 0 : found->second.busy;
    return has_worker_for(busy, share_of(account), is_limited(account));
}

/// Its share may have changed since its last task came.
WorkerQueue::Group& WorkerQueue::group_of(Account const& account)
{
    auto const [found, is_new] = groups_.try_emplace(account.id);
    auto& group = found->second;
    group.share = share_of(account);
    if (group.is_limited != is_limited(account)) {
        auto const move = [&](std::size_t& limited, std::size_t count) {
            limited = group.is_limited ? limited - count : limited + count;
        };
        move(limited_busy_, group.busy);
        move(limited_queued_, group.waiting.size() + group.reserved);
        group.is_limited = !group.is_limited;
    }
    return group;
}

void WorkerQueue::drop_if_unused(Account const& account)
{
    auto const found = groups_.find(account.id);
    if (found == groups_.end()) return;
    auto const& group = found->second;
    if (group.waiting.empty() && group.busy == 0 && group.reserved == 0) groups_.erase(found);
}

void WorkerQueue::take_worker(Account const& account)
{
    auto& group = group_of(account);
    ++group.busy;
    ++busy_;
    if (group.is_limited) ++limited_busy_;
}

void WorkerQueue::give_back_worker(Account const& account)
{
    auto& group = groups_.at(account.id);
    --group.busy;
    --busy_;
    if (group.is_limited) --limited_busy_;
    drop_if_unused(account);
}

std::optional<std::string> WorkerQueue::refusal(Account const& account) const
{
    auto const tells = [&](std::string const& whose, std::size_t bound) {
        return whose + std::to_string(bound) + " tasks waiting ([agent] max_queued is " +
               std::to_string(max_queued_) + "); try again later";
    };
    if (queued_ >= max_queued_) return tells("the agent has ", queued_);
    if (!is_limited(account)) return std::nullopt;
    auto const found = groups_.find(account.id);
    auto const own = found == groups_.end() ? 0 : found->second.waiting.size() + found->second.reserved;
    if (own >= one_key_part(max_queued_)) return tells("on this agent, key " + account.id + " has ", own);
    if (limited_queued_ >= shared_part(max_queued_))
        return tells("but for what is kept for admins, the agent has ", limited_queued_);
    return std::nullopt;
}

void WorkerQueue::count_waiting(Group const& group, int by)
{
    auto const count = [by](std::size_t& number) { number = by > 0 ? number + 1 : number - 1; };
    count(queued_);
    if (group.is_limited) count(limited_queued_);
}

void WorkerQueue::reserve(Account const& account)
{
    auto& group = group_of(account);
    ++group.reserved;
    count_waiting(group, 1);
}

void WorkerQueue::release(Account const& account)
{
    auto& group = groups_.at(account.id);
    --group.reserved;
    count_waiting(group, -1);
    drop_if_unused(account);
}

void WorkerQueue::push_back(TaskId id, Account const& account)
{
    auto& group = group_of(account);
    if (group.waiting.empty()) turns_.push_back(account.id);
    group.waiting.push_back(id);
    count_waiting(group, 1);
}

void WorkerQueue::push_front(TaskId id, Account const& account)
{
    auto& group = group_of(account);
    if (group.waiting.empty()) turns_.push_front(account.id);
    group.waiting.push_front(id);
    count_waiting(group, 1);
}

std::optional<TaskId> WorkerQueue::pop()
{
    for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
        auto& group = groups_.at(*turn);
        if (!has_worker_for(group.busy, group.share, group.is_limited)) continue;
        auto const id = group.waiting.front();
        group.waiting.pop_front();
        count_waiting(group, -1);
        ++group.busy;
        ++busy_;
        if (group.is_limited) ++limited_busy_;
        // Its next one comes after those of the others.
        if (group.waiting.empty()) {
            turns_.erase(turn);
        } else {
            turns_.splice(turns_.end(), turns_, turn);
        }
        return id;
    }
    return std::nullopt;
}

bool WorkerQueue::erase(TaskId id, Account const& account)
{
    auto const found = groups_.find(account.id);
    if (found == groups_.end()) return false;
    auto& group = found->second;
    auto const place = std::find(group.waiting.begin(), group.waiting.end(), id);
    if (place == group.waiting.end()) return false;
    group.waiting.erase(place);
    count_waiting(group, -1);
    if (group.waiting.empty()) turns_.remove(account.id);
    drop_if_unused(account);
    return true;
}

void WorkerQueue::clear()
{
    for (auto& [id, group] : groups_) {
        while (!group.waiting.empty()) {
            group.waiting.pop_back();
            count_waiting(group, -1);
        }
    }
    turns_.clear();
}

} // namespace elves::agent
