#include "elves/cron_schedule.hpp"

namespace elves {
namespace {

// Ids of one source may differ in few bits: mix them well (SplitMix64), or neighbours would fire together.
std::uint64_t mixed(std::uint64_t value)
{
    value += 0x9E3779B97F4A7C15;
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EB;
    return value ^ (value >> 31U);
}

std::chrono::seconds delay_of(TaskId cron_id, std::chrono::seconds jitter)
{
    if (jitter.count() <= 0) return std::chrono::seconds(0);
    auto const choices = static_cast<std::uint64_t>(jitter.count()) + 1;
    return std::chrono::seconds(static_cast<std::int64_t>(mixed(cron_id.value()) % choices));
}

} // namespace

void CronSchedule::set(TaskId cron_id, QuartzRule rule, Zone zone, std::chrono::seconds jitter, Instant after)
{
    erase(cron_id);
    Job job{share(std::move(rule)), zone, delay_of(cron_id, jitter), std::nullopt};
    plan(cron_id, jobs_.emplace(cron_id, std::move(job)).first->second, after);
}

void CronSchedule::erase(TaskId cron_id)
{
    auto const found = jobs_.find(cron_id);
    if (found == jobs_.end()) return;
    auto& job = found->second;
    if (job.fire_time) due_.erase({*job.fire_time + job.delay, cron_id});
    auto rule = std::move(job.rule);
    jobs_.erase(found);
    release(std::move(rule));
}

std::optional<Instant> CronSchedule::next_due() const
{
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first;
}

std::optional<Instant> CronSchedule::next_fire_time(TaskId cron_id) const
{
    auto const found = jobs_.find(cron_id);
    return found == jobs_.end() ? std::nullopt : found->second.fire_time;
}

std::vector<CronSchedule::Due> CronSchedule::take_due(Instant now, std::size_t limit)
{
    std::vector<Due> taken;
    while (taken.size() < limit && !due_.empty() && due_.begin()->first <= now) {
        auto const cron_id = due_.begin()->second;
        due_.erase(due_.begin());
        auto& job = jobs_.at(cron_id);
        taken.push_back({cron_id, *job.fire_time});
        plan(cron_id, job, *job.fire_time);
    }
    return taken;
}

CronSchedule::Rule CronSchedule::share(QuartzRule rule)
{
    if (auto const found = rules_.find(rule.text()); found != rules_.end()) return found->second;
    auto shared = std::make_shared<QuartzRule const>(std::move(rule));
    rules_.emplace(shared->text(), shared);
    return shared;
}

void CronSchedule::release(Rule rule)
{
    if (rule.use_count() == 2) rules_.erase(rule->text()); // the map's and this one
}

void CronSchedule::plan(TaskId cron_id, Job& job, Instant after)
{
    job.fire_time = job.rule->next_after(after, job.zone);
    if (job.fire_time) due_.emplace(*job.fire_time + job.delay, cron_id);
}

MissedTimes missed_times(
    QuartzRule const& rule, Zone const& zone, Instant after, Instant until, std::size_t limit)
{
    MissedTimes missed;
    for (auto at = after;;) {
        auto const next = rule.next_after(at, zone);
        if (!next || *next > until) return missed;
        if (missed.count == limit) {
            missed.more = true;
            return missed;
        }
        if (missed.count++ == 0) missed.first = *next;
        missed.last = at = *next;
    }
}

} // namespace elves
