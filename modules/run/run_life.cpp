#include "run_life.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace elves {

namespace {

constexpr std::array<std::pair<RunState, std::string_view>, 9> states{
    {{RunState::pending, "pending"}, {RunState::running, "running"}, {RunState::paused, "paused"},
        {RunState::done, "done"}, {RunState::partial, "partial"}, {RunState::stopped, "stopped"},
        {RunState::canceled, "canceled"}, {RunState::expired, "expired"}, {RunState::skipped, "skipped"}}};
constexpr std::array<std::pair<RunWhy, std::string_view>, 6> whys{
    {{RunWhy::none, ""}, {RunWhy::time, "time"}, {RunWhy::person, "person"}, {RunWhy::wave, "wave"},
        {RunWhy::max_fail, "max_fail"}, {RunWhy::key, "key"}}};

RunStep stay(RunFacts const& facts) { return {facts.state, facts.why, facts.wave}; }

RunStep ended(RunFacts const& facts, RunState state) { return {state, RunWhy::none, facts.wave}; }

RunStep pause_for(RunFacts const& facts, RunWhy why) { return {RunState::paused, why, facts.wave}; }

RunState end_of(RunFacts const& facts)
{
    return facts.done == facts.hosts ? RunState::done : RunState::partial;
}

bool is_wave_over(RunFacts const& facts) { return facts.ready + facts.away + facts.wave_open == 0; }

/// A person has asked for its end: what is open comes to its own, nothing more starts.
RunStep ending(RunFacts const& facts)
{
    if (facts.open > 0) return stay(facts);
    return ended(facts, facts.ending == RunEnding::cancel ? RunState::canceled : RunState::stopped);
}

RunStep pending(RunFacts const& facts, RunLimits const& limits, Instant now)
{
    auto step = stay(facts);
    if (now < facts.begin_at) {
        step.again = facts.begin_at;
        return step;
    }
    if (now > facts.begin_at + limits.late) return ended(facts, RunState::expired);
    return {RunState::running, RunWhy::none, facts.wave};
}

std::optional<Instant> deadline_of(RunFacts const& facts, RunLimits const& limits)
{
    if (!limits.deadline || !facts.started) return std::nullopt;
    return *facts.started + *limits.deadline;
}

RunStep paused(RunFacts const& facts, RunLimits const& limits, Instant now)
{
    auto step = stay(facts);
    if (facts.open > 0) return step;
    if (facts.held == 0) return ended(facts, end_of(facts));
    auto const given_up = facts.paused.value_or(now) + limits.give_up;
    auto const deadline = deadline_of(facts, limits);
    if (deadline && now >= *deadline) return ended(facts, RunState::partial);
    if (now >= given_up) return ended(facts, RunState::stopped);
    step.again = deadline ? std::min(given_up, *deadline) : given_up;
    return step;
}

/// So many more may run at once.
std::size_t room(RunFacts const& facts, RunLimits const& limits)
{
    auto most = limits.parallel;
    if (limits.is_strict)
        most = std::min(most, limits.max_fail + 1 - std::min(limits.max_fail + 1, facts.failures));
    return most > facts.open ? most - facts.open : 0;
}

RunStep after_wave(RunFacts const& facts, RunLimits const& limits, Instant now)
{
    // A wave that nobody was in proves nothing.
    if (facts.wave_done == 0 || limits.asks) return pause_for(facts, RunWhy::wave);
    auto step = stay(facts);
    step.again = facts.wave_ended.value_or(now) + limits.pause;
    if (now < *step.again) return step;
    return {RunState::running, RunWhy::none, facts.wave + 1};
}

RunStep running(RunFacts const& facts, RunLimits const& limits, Instant now)
{
    if (facts.held == 0) return facts.open > 0 ? stay(facts) : ended(facts, end_of(facts));
    auto const deadline = deadline_of(facts, limits);
    if (deadline && now >= *deadline) return facts.open > 0 ? stay(facts) : ended(facts, RunState::partial);
    if (facts.failures > limits.max_fail) return pause_for(facts, RunWhy::max_fail);
    auto step = is_wave_over(facts) ? after_wave(facts, limits, now) : stay(facts);
    if (step.state == RunState::running && step.wave == facts.wave)
        step.start = std::min(facts.ready, room(facts, limits));
    if (deadline) step.again = step.again ? std::min(*step.again, *deadline) : *deadline;
    return step;
}

} // namespace

std::string_view state_text(RunState state) noexcept
{
    return std::find_if(states.begin(), states.end(), [&](auto& row) { return row.first == state; })->second;
}

std::string_view why_text(RunWhy why) noexcept
{
    return std::find_if(whys.begin(), whys.end(), [&](auto& row) { return row.first == why; })->second;
}

std::optional<RunState> parse_run_state(std::string_view text) noexcept
{
    for (auto const& [state, name] : states) {
        if (name == text) return state;
    }
    return std::nullopt;
}

std::optional<RunWhy> parse_run_why(std::string_view text) noexcept
{
    for (auto const& [why, name] : whys) {
        if (name == text) return why;
    }
    return std::nullopt;
}

RunStep decide(RunFacts const& facts, RunLimits const& limits, Instant now)
{
    if (is_final(facts.state)) return stay(facts);
    if (facts.ending != RunEnding::none) return ending(facts);
    switch (facts.state) {
    case RunState::pending:
        return pending(facts, limits, now);
    case RunState::paused:
        return paused(facts, limits, now);
    default:
        return running(facts, limits, now);
    }
}

std::size_t worst_of(std::size_t hosts, RunLimits const& limits) noexcept
{
    return std::min(hosts, limits.max_fail + (limits.is_strict ? 1 : limits.parallel));
}

} // namespace elves
