#include "task_registry.hpp"

#include <algorithm>

namespace elves {

OpenTaskPtr TaskRegistry::find(TaskId id) const
{
    auto const found = tasks_.find(id);
    return found == tasks_.end() ? nullptr : found->second;
}

OpenTaskPtr TaskRegistry::insert(Task task, std::size_t bytes)
{
    auto& open = tasks_[task.id];
    if (!open) open = std::make_shared<OpenTask>();
    open->task = std::move(task);
    open->bytes = bytes;
    open->order = ++last_order_;
    open->is_counted = true;
    add(open->task.agent, open->task.by, bytes).tasks.emplace(open->order, open->task.id);
    update_lists(*open);
    return open;
}

OpenTaskPtr TaskRegistry::insert_finished(Task task)
{
    auto& open = tasks_[task.id];
    if (!open) {
        open = std::make_shared<OpenTask>();
        open->task = std::move(task);
        open->task.ins.param = {};
    }
    return open;
}

void TaskRegistry::remove_from_totals(OpenTask& open)
{
    if (!std::exchange(open.is_counted, false)) return;
    update_lists(open);
    by_agent_.at(open.task.agent).tasks.erase(open.order);
    subtract(open.task.agent, open.task.by, open.bytes);
}

std::vector<TaskId> TaskRegistry::of_agent(Ip const& agent) const
{
    std::vector<TaskId> ids;
    if (auto const found = by_agent_.find(agent); found != by_agent_.end()) {
        for (auto const& [order, id] : found->second.tasks) ids.push_back(id);
    }
    return ids;
}

std::vector<TaskId> TaskRegistry::all() const
{
    std::vector<TaskId> ids;
    for (auto const& [id, open] : tasks_) {
        if (is_open(open->task)) ids.push_back(id);
    }
    return ids;
}

void TaskRegistry::update_lists(OpenTask& open)
{
    update_waiting(open);
    if (open.task.run) update_run(open);
}

void TaskRegistry::update_run(OpenTask& open)
{
    bool const is_told = is_final(open.task.status) && !open.is_end_unwritten;
    auto const now = open.is_counted && !is_told ? std::optional(open.task.status) : std::nullopt;
    auto const before = std::exchange(open.counted_in_run, now);
    if (now == before) return;
    auto& run = by_run_[*open.task.run];
    if (now) {
        ++run.counts[static_cast<std::size_t>(*now)];
        ++run.total;
    }
    if (before) {
        --run.counts[static_cast<std::size_t>(*before)];
        --run.total;
    }
    if (run.total == 0) by_run_.erase(*open.task.run);
}

TaskEngine::StatusCounts TaskRegistry::counts_of_run(TaskId run) const
{
    auto const found = by_run_.find(run);
    return found == by_run_.end() ? TaskEngine::StatusCounts{} : found->second.counts;
}

void TaskRegistry::update_waiting(OpenTask& open)
{
    bool const waits = open.is_counted && open.task.status == TaskStatus::waiting && !open.is_being_sent &&
                       open.gate_place.empty();
    if (waits == std::exchange(open.is_listed_as_waiting, waits)) return;
    auto& waiting = by_agent_.at(open.task.agent).waiting;
    if (waits) {
        waiting.emplace(open.order, open.task.id);
        ++waiting_count_;
    } else {
        waiting.erase(open.order);
        --waiting_count_;
    }
}

OpenTaskPtr TaskRegistry::next_waiting(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    if (found == by_agent_.end() || found->second.waiting.empty()) return nullptr;
    return find(found->second.waiting.begin()->second);
}

std::size_t TaskRegistry::count_of(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    return found == by_agent_.end() ? 0 : found->second.tasks.size() + found->second.reserved;
}

std::size_t TaskRegistry::bytes_of(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    return found == by_agent_.end() ? 0 : found->second.bytes;
}

TaskRegistry::OfAgent& TaskRegistry::add(Ip const& agent, std::string const& key, std::size_t bytes)
{
    auto const [of_key, is_new] = by_key_.try_emplace(key);
    auto& [held, is_deleted] = of_key->second;
    if (is_new && quotas_) is_deleted = !quotas_->limits_of(key).is_known;
    held.tasks += 1;
    held.bytes += bytes;
    if (!is_deleted) {
        total_count_ += 1;
        total_bytes_ += bytes;
    }
    auto& of_agent = by_agent_[agent];
    of_agent.bytes += bytes;
    auto& keys = of_agent.keys;
    auto place = std::find_if(keys.begin(), keys.end(), [&](auto const& each) { return each.first == key; });
    if (place == keys.end()) place = keys.emplace(keys.end(), key, Totals());
    place->second.tasks += 1;
    place->second.bytes += bytes;
    return of_agent;
}

void TaskRegistry::subtract(Ip const& agent, std::string const& key, std::size_t bytes)
{
    auto const of_key = by_key_.find(key);
    auto& [held, is_deleted] = of_key->second;
    held.tasks -= 1;
    held.bytes -= bytes;
    if (!is_deleted) {
        total_count_ -= 1;
        total_bytes_ -= bytes;
    }
    if (held.tasks == 0) by_key_.erase(of_key);
    auto const found = by_agent_.find(agent);
    auto& of_agent = found->second;
    of_agent.bytes -= bytes;
    auto& keys = of_agent.keys;
    auto const place =
        std::find_if(keys.begin(), keys.end(), [&](auto const& each) { return each.first == key; });
    place->second.tasks -= 1;
    place->second.bytes -= bytes;
    if (place->second.tasks == 0) keys.erase(place);
    if (of_agent.tasks.empty() && of_agent.reserved == 0) by_agent_.erase(found);
}

TaskRegistry::Holdings TaskRegistry::holdings(std::string_view key, Ip const& agent) const
{
    Holdings holdings;
    auto const of_key = by_key_.find(key);
    if (of_key == by_key_.end()) return holdings;
    holdings.tasks = of_key->second.held.tasks;
    holdings.bytes = of_key->second.held.bytes;
    auto const of_agent = by_agent_.find(agent);
    if (of_agent == by_agent_.end()) return holdings;
    for (auto const& [name, held] : of_agent->second.keys) {
        if (name != key) continue;
        holdings.tasks_on_agent = held.tasks;
        holdings.bytes_on_agent = held.bytes;
    }
    return holdings;
}

void TaskRegistry::add_holders(std::set<std::string>& keys) const
{
    for (auto const& [key, of_key] : by_key_) keys.insert(key);
}

void TaskRegistry::on_key_deleted(std::string_view key)
{
    auto const found = by_key_.find(key);
    if (found == by_key_.end() || std::exchange(found->second.is_deleted, true)) return;
    total_count_ -= found->second.held.tasks;
    total_bytes_ -= found->second.held.bytes;
}

TaskRegistry::Reservation::Reservation(
    TaskRegistry& registry, Ip const& agent, std::string const& key, std::size_t bytes)
    : registry_(registry), agent_(agent), key_(key), bytes_(bytes)
{
    ++registry_.add(agent_, key_, bytes_).reserved;
}

TaskRegistry::Reservation::~Reservation()
{
    --registry_.by_agent_.at(agent_).reserved;
    registry_.subtract(agent_, key_, bytes_);
}

} // namespace elves
