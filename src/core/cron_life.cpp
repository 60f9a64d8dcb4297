#include "elves/cron_life.hpp"

#include <algorithm>
#include <cstdint>

#include "elves/quartz_count.hpp"

namespace elves::cron_life {

namespace {

using namespace std::chrono_literals;

/// Ids of one source may differ in few bits. They are mixed well (SplitMix64), or neighbours would fire
/// together.
std::uint64_t mixed(std::uint64_t value)
{
    value += 0x9E3779B97F4A7C15;
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EB;
    return value ^ (value >> 31U);
}

State advanced(Job const& job, State state, Instant accounted)
{
    state.accounted = std::max(state.accounted, accounted);
    state.next = next_time(job, state.accounted);
    return state;
}

/// The job's times in (after, until].
MissedTimes times_in(Job const& job, Instant after, Instant until)
{
    MissedTimes times;
    auto const first = next_time(job, after);
    if (job.end) until = std::min(until, *job.end);
    if (!first || *first > until) return times;
    times.first = *first;
    times.last = last_time(job.rule, job.zone, *first - 1s, until).value_or(*first);
    times.count = count_times(job.rule, job.zone, *first - 1s, until);
    return times;
}

std::string times_text(MissedTimes const& times, Zone const& zone)
{
    return std::to_string(times.count) + (times.count == 1 ? " time" : " times") + " from " +
           zone.text(times.first) + " to " + zone.text(times.last);
}

} // namespace

std::chrono::seconds delay_of(TaskId cron_id, std::chrono::seconds jitter)
{
    if (jitter.count() <= 0) return std::chrono::seconds(0);
    auto const choices = static_cast<std::uint64_t>(jitter.count()) + 1;
    return std::chrono::seconds(static_cast<std::int64_t>(mixed(cron_id.value()) % choices));
}

std::optional<Instant> next_time(Job const& job, Instant after)
{
    if (job.start) after = std::max<Instant>(after, *job.start - 1ms);
    auto const next = job.rule.next_after(after, job.zone);
    return next && job.end && *next > *job.end ? std::nullopt : next;
}

State resume(Job const& job, Instant accounted, std::optional<Instant> owed, Instant absent_until)
{
    return advanced(job, State{accounted, absent_until, {}, {}, owed}, accounted);
}

std::optional<Instant> deadline(Job const& job, State const& state)
{
    if (!state.next) return std::nullopt;
    return *state.next + job.delay;
}

Decision decide(Job const& job, State const& state, Instant now, bool is_running)
{
    auto const due = deadline(job, state);
    if (!due || *due > now) return {state, Wait{}};
    bool const was_absent = *due <= state.absent_until;
    if (was_absent || *due <= state.held_until || *due + grace < now) {
        auto const until = now - job.delay;
        Missed missed{times_in(job, state.accounted, until), was_absent, job.misfire == Misfire::once};
        auto after = advanced(job, state, until);
        if (missed.makes_up) after.owed = missed.times.last;
        return {after, missed};
    }
    auto const fire_time = *state.next;
    auto after = advanced(job, state, fire_time);
    if (is_running && job.overlap == Overlap::skip) return {after, Skip{fire_time}};
    return {after, Run{fire_time, job.overlap == Overlap::replace}};
}

Decision make_up(Job const& job, State const& state, bool is_running)
{
    if (!state.owed) return {state, Wait{}};
    auto after = state;
    after.owed.reset();
    if (is_running && job.overlap == Overlap::skip) return {after, Skip{*state.owed}};
    return {after, Run{*state.owed, job.overlap == Overlap::replace}};
}

Decision close(Job const& job, State const& state, Instant now)
{
    Missed const missed{times_in(job, state.accounted, now), false, false};
    if (missed.times.count == 0) return {state, Wait{}};
    return {advanced(job, state, now), missed};
}

State set_back(Job const& job, State const& state, Instant now)
{
    if (state.accounted <= now) return state;
    auto back = state;
    back.accounted = now;
    back.absent_until = std::min(back.absent_until, now);
    back.held_until = {};
    back.next = next_time(job, now);
    return back;
}

std::string missed_text(
    Missed const& missed, Zone const& zone, std::string_view who, std::string_view absence)
{
    return "skipped: " + times_text(missed.times, zone) + " passed while the " + std::string(who) + " " +
           std::string(missed.was_absent ? absence : "was held up") +
           (missed.makes_up ? "; it runs once for them" : "");
}

std::string closed_text(MissedTimes const& times, Zone const& zone, std::string_view reason)
{
    return "skipped: " + times_text(times, zone) + " did not start: " + std::string(reason);
}

std::string_view skip_reason(std::string_view text)
{
    struct Sign {
        std::string_view part;
        std::string_view reason;
    };
    constexpr std::string_view begin = "skipped: ";
    // What a code or an agent says behind these words is not looked at.
    constexpr Sign first_words[] = {{"[423.1]", "gate"}, {"[429.1]", "limit"}, {"[", "other"},
        {"the agent refuses the job", "refused"}, {"the agent has too many tasks waiting", "limit"},
        {"the agent had started this time itself", "double"}};
    constexpr Sign later_words[] = {{"; the agent refuses the job: ", "refused"},
        {" passed while the ", "missed"}, {" did not start: ", "changed"},
        {" before this time was started", "changed"}, {" is still going on", "overlap"},
        {" is still starting", "overlap"}};
    if (text.starts_with(begin)) text.remove_prefix(begin.size());
    for (auto const& sign : first_words)
        if (text.starts_with(sign.part)) return sign.reason;
    for (auto const& sign : later_words)
        if (text.find(sign.part) != std::string_view::npos) return sign.reason;
    return "other";
}

std::string unpaid_text(Instant owed, Zone const& zone, std::string_view reason)
{
    return "skipped: the run that makes up for times up to " + zone.text(owed) +
           " did not start: " + std::string(reason);
}

std::chrono::milliseconds ClockWatch::look(Instant now, Clock::Steady steady)
{
    auto const before = std::exchange(last_, now);
    auto const passed =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady - std::exchange(last_steady_, steady));
    if (!before) return 0ms;
    auto const moved = now - *before - passed;
    return moved > -1s && moved < 1s ? 0ms : moved;
}

void DueQueue::set(TaskId cron_id, std::optional<Instant> deadline)
{
    if (auto const found = deadlines_.find(cron_id); found != deadlines_.end()) {
        order_.erase({found->second, cron_id});
        deadlines_.erase(found);
    }
    if (!deadline) return;
    deadlines_.emplace(cron_id, *deadline);
    order_.emplace(*deadline, cron_id);
}

std::optional<Instant> DueQueue::next() const
{
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
}

std::vector<TaskId> DueQueue::take(Instant now, std::size_t limit)
{
    std::vector<TaskId> taken;
    while (taken.size() < limit && !order_.empty() && order_.begin()->first <= now) {
        auto const cron_id = order_.begin()->second;
        order_.erase(order_.begin());
        deadlines_.erase(cron_id);
        taken.push_back(cron_id);
    }
    return taken;
}

} // namespace elves::cron_life
