#include "active_run.hpp"

#include <algorithm>

#include "elves/assert.hpp"

namespace elves {

ActiveRun::ActiveRun(FleetRun run, Instant now) : run_(std::move(run)), waves_(run_.wave_count())
{
    for (std::size_t place = 0; place < run_.hosts.size(); ++place) {
        auto const& host = run_.hosts[place];
        if (host.outcome) {
            count_final(host.wave, *host.outcome);
        } else if (host.task) {
            open_.emplace(*host.task, place);
            ++waves_[host.wave].open;
        } else {
            ++held_;
        }
    }
    begin_wave(run_.wave);
    if (ready_.empty() && waves_[run_.wave].open == 0) wave_ended_ = now;
}

void ActiveRun::count_final(std::size_t wave, RunOutcome const& outcome)
{
    ++ends_[outcome.state];
    if (outcome.is_done()) {
        ++waves_[wave].done;
        ++done_;
    }
    if (outcome.is_failure(run_.spec.silent.fails)) ++failures_;
}

RunFacts ActiveRun::facts() const
{
    RunFacts facts;
    facts.state = run_.state;
    facts.why = run_.why;
    facts.ending = run_.ending;
    facts.begin_at = run_.begin_at;
    facts.started = run_.started;
    facts.paused = run_.paused;
    facts.wave_ended = wave_ended_;
    facts.wave = run_.wave;
    facts.waves = waves_.size();
    facts.ready = ready_.size();
    facts.away = away_.size() + held_back_count_;
    facts.wave_open = waves_[run_.wave].open;
    facts.wave_done = waves_[run_.wave].done;
    facts.held = held_;
    facts.open = open_.size();
    facts.done = done_;
    facts.failures = failures_;
    facts.hosts = run_.hosts.size();
    return facts;
}

std::optional<std::size_t> ActiveRun::take_ready()
{
    if (ready_.empty()) return std::nullopt;
    auto const place = ready_.front();
    ready_.pop_front();
    return place;
}

void ActiveRun::set_ready(std::size_t place)
{
    // In the run's order: a host that had to wait is before those behind it.
    ready_.insert(std::lower_bound(ready_.begin(), ready_.end(), place), place);
}

void ActiveRun::set_away(std::size_t place, Clock::Steady until) { away_.insert_or_assign(place, until); }

void ActiveRun::set_held_back(std::size_t place, std::string gate_place)
{
    run_.hosts[place].waits_for = gate_place;
    held_back_[std::move(gate_place)].insert(place);
    ++held_back_count_;
}

bool ActiveRun::let_through(std::string const& gate_place)
{
    if (gate_place.empty()) {
        std::vector<std::string> all;
        for (auto const& [name, places] : held_back_) all.push_back(name);
        for (auto const& name : all) {
            while (let_through(name)) {
            }
        }
        return false;
    }
    auto const found = held_back_.find(gate_place);
    if (found == held_back_.end()) return false;
    auto const place = *found->second.begin();
    found->second.erase(found->second.begin());
    if (found->second.empty()) held_back_.erase(found);
    --held_back_count_;
    run_.hosts[place].waits_for.clear();
    set_ready(place);
    return true;
}

void ActiveRun::forget_waiting()
{
    ready_.clear();
    away_.clear();
    held_back_.clear();
    held_back_count_ = 0;
    for (auto& host : run_.hosts) host.waits_for.clear();
}

void ActiveRun::set_open(std::size_t place, TaskId task)
{
    auto& host = run_.hosts[place];
    ELVES_ASSERT(!host.task && !host.outcome, "a host of a run has one task");
    host.task = task;
    open_.emplace(task, place);
    ++waves_[host.wave].open;
    --held_;
}

void ActiveRun::unset_open(std::size_t place)
{
    auto& host = run_.hosts[place];
    open_.erase(*host.task);
    host.task.reset();
    --waves_[host.wave].open;
    ++held_;
}

void ActiveRun::set_final(std::size_t place, RunOutcome outcome, Instant now)
{
    auto& host = run_.hosts[place];
    ELVES_ASSERT(host.task && open_.erase(*host.task) == 1, "only a host that was started comes to an end");
    auto& wave = waves_[host.wave];
    --wave.open;
    count_final(host.wave, outcome);
    host.outcome = std::move(outcome);
    bool const is_last = ready_.empty() && away_.empty() && held_back_count_ == 0 && wave.open == 0;
    if (host.wave == run_.wave && is_last) wave_ended_ = now;
}

void ActiveRun::end_all_held()
{
    for (auto& host : run_.hosts) {
        if (host.task || host.outcome) continue;
        host.outcome = RunOutcome{"not_started"};
        ++ends_[host.outcome->state];
        --held_;
    }
    forget_waiting();
}

void ActiveRun::begin_wave(std::size_t wave)
{
    run_.wave = wave;
    wave_ended_.reset();
    forget_waiting();
    for (std::size_t place = 0; place < run_.hosts.size(); ++place) {
        auto const& host = run_.hosts[place];
        if (host.wave == wave && !host.task && !host.outcome) ready_.push_back(place);
    }
}

void ActiveRun::agent_is_back(Ip const& agent)
{
    for (auto at = away_.begin(); at != away_.end(); ++at) {
        if (run_.hosts[at->first].ip != agent) continue;
        auto const place = at->first;
        away_.erase(at);
        set_ready(place);
        return;
    }
}

std::optional<std::size_t> ActiveRun::take_waited_out(Clock::Steady now)
{
    auto const found =
        std::find_if(away_.begin(), away_.end(), [now](auto const& each) { return each.second <= now; });
    if (found == away_.end()) return std::nullopt;
    auto const place = found->first;
    away_.erase(found);
    return place;
}

std::optional<Clock::Steady> ActiveRun::next_waited_out() const
{
    auto const found = std::min_element(
        away_.begin(), away_.end(), [](auto const& a, auto const& b) { return a.second < b.second; });
    return found == away_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::size_t> ActiveRun::place_of(TaskId task) const
{
    auto const found = open_.find(task);
    return found == open_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<TaskId> ActiveRun::open_tasks() const
{
    std::vector<TaskId> tasks;
    for (auto const& [task, place] : open_) tasks.push_back(task);
    return tasks;
}

} // namespace elves
