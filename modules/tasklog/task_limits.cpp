#include "task_limits.hpp"

#include <string>

#include "elves/error.hpp"

namespace elves {

namespace {

constexpr std::string_view end_some =
    "; cancel some, wait until some have ended, or have an admin raise it (elvesctl key set)";
constexpr std::string_view wait_for_midnight =
    "; it begins anew at midnight UTC, or have an admin raise it (elvesctl key set)";

Error too_many_tasks(std::string const& whose, std::size_t tasks, std::size_t most)
{
    return {codes::too_much, whose + " has " + std::to_string(tasks) + " unfinished tasks, and " +
                                 std::to_string(most) + " are allowed; try again later"};
}

Error too_many_bytes(std::string const& whose, std::size_t most)
{
    return {codes::too_much, "the unfinished tasks of " + whose + " would take more than " +
                                 std::to_string(most) +
                                 " bytes; cancel some, shorten `param`, or try again later"};
}

} // namespace

void TaskLimits::require_room(TaskEngine::Order const& order) const
{
    auto const limits = quotas_ ? quotas_->limits_of(order.by) : Quotas::Limits{.is_admin = true};
    if (quotas_ && !order.by.empty()) require_quota(order, limits);
    // What is free for admins alone is not offered to other keys.
    auto const part = [&](std::size_t pool) { return limits.is_admin ? pool : shared_part(pool); };
    auto const more = bytes_of(order.ins);
    auto const agent = [&] { return "agent " + order.agent.text(); };
    auto const tasks = registry_.count_of(order.agent);
    if (tasks >= part(bounds_.tasks)) throw too_many_tasks(agent(), tasks, part(bounds_.tasks));
    if (registry_.bytes_of(order.agent) + more > part(bounds_.bytes))
        throw too_many_bytes(agent(), part(bounds_.bytes));
    auto const all_tasks = registry_.total_count();
    if (all_tasks >= part(bounds_.all_tasks))
        throw too_many_tasks("the server", all_tasks, part(bounds_.all_tasks));
    if (registry_.total_bytes() + more > part(bounds_.all_bytes))
        throw too_many_bytes("all agents", part(bounds_.all_bytes));
}

/// Throws QuotaExceeded where this key holds as much as it may, of all agents or of this one.
void TaskLimits::require_quota(TaskEngine::Order const& order, Quotas::Limits const& limits) const
{
    auto const held = registry_.holdings(order.by, order.agent);
    auto const bytes_today = daily_bytes_.today(order.by);
    auto const more = bytes_of(order.ins);
    auto const key = [&] { return "key " + quotas_->name_of(order.by); };
    auto const refuse = [&](std::string const& has, std::string_view quota, std::int64_t limit,
                            std::string_view what_to_do = end_some) {
        throw QuotaExceeded(key() + " has " + has + "; its quota " + std::string(quota) + " is " +
                            std::to_string(limit) + std::string(what_to_do));
    };
    auto const number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    if (number(held.tasks) >= limits.waiting_tasks)
        refuse(std::to_string(held.tasks) + " tasks waiting", "waiting_tasks", limits.waiting_tasks);
    if (number(held.bytes + more) > limits.waiting_bytes)
        refuse(
            std::to_string(held.bytes) + " bytes of tasks waiting, and this one adds " + std::to_string(more),
            "waiting_bytes", limits.waiting_bytes);
    if (bytes_today + number(more) > limits.bytes_per_day)
        refuse(std::to_string(bytes_today) + " bytes written since midnight UTC, and this task adds " +
                   std::to_string(more),
            "bytes_per_day", limits.bytes_per_day, wait_for_midnight);
    if (limits.is_admin) return;
    auto const tasks_part = one_key_part(bounds_.tasks);
    if (held.tasks_on_agent >= tasks_part) {
        throw QuotaExceeded(key() + " has " + std::to_string(held.tasks_on_agent) +
                            " tasks waiting for agent " + order.agent.text() + "; one key may have " +
                            std::to_string(tasks_part) +
                            " there; cancel some, or wait until some have ended");
    }
    auto const bytes_part = one_key_part(bounds_.bytes);
    if (held.bytes_on_agent + more > bytes_part) {
        throw QuotaExceeded(key() + " has " + std::to_string(held.bytes_on_agent) +
                            " bytes of tasks waiting for agent " + order.agent.text() +
                            ", and this one adds " + std::to_string(more) + "; one key may have " +
                            std::to_string(bytes_part) +
                            " there; cancel some, shorten `param`, or wait until some have ended");
    }
}

} // namespace elves
