#include "sim/liveness.hpp"

#include <algorithm>

#include "sim/gate_watch.hpp"
#include "sim/journal_watch.hpp"
#include "sim/log_watch.hpp"
#include "sim/run_watch.hpp"
#include "sim/schedule_watch.hpp"
#include "sim/sim_disk.hpp"
#include "sim/sim_network.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

/// A handover may be tried again after a timeout, an agent that lost its link dials again after half a
/// minute.
constexpr auto handover_bound = 60s;
constexpr auto report_bound = 60s;
/// More than the longest jitter, and what is late by less is started late.
constexpr auto firing_bound = 100s;
/// So long a make-up run waits for an agent that could be there.
constexpr auto make_up_patience = 60s;
/// An agent takes three tasks at a time and queues twenty: with one of these left it may refuse more.
constexpr std::size_t busy_agent = 20;

std::string named(LogRow const& row)
{
    return "task " + row.id.text() + " (" + std::string(type_text(row.type)) + ", " +
           std::string(status_text(row.status)) + ", ttl " + std::to_string(row.ttl.count()) + " s)";
}

std::string seconds(Clock::Steady::duration time)
{
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

} // namespace

void Liveness::Spell::see(bool is_well, std::uint64_t life, Steady now)
{
    if (!is_well) {
        since_.reset();
    } else if (!since_ || life != life_) {
        since_ = now;
    }
    life_ = life;
}

bool Liveness::Spell::has_lasted(std::chrono::seconds time, Steady now) const
{
    return since_ && now - *since_ > time;
}

Liveness::Liveness(Nature& nature, Invariants& invariants, SimNetwork const& network, Server server)
    : nature_(nature), invariants_(invariants), network_(network), server_(server)
{
    invariants_.liveness = this;
}

void Liveness::add(Agent agent) { agents_.push_back(std::make_unique<AgentState>(AgentState{agent})); }

void Liveness::begin()
{
    nature_.time.after(1s, [this] {
        look();
        begin();
    });
}

void Liveness::broken(std::string invariant, std::string what) const
{
    invariants_.broken(std::move(invariant), std::move(what));
}

bool Liveness::is_well(Machine const& machine, SimDisk const& disk) const
{
    return machine.process && !machine.paused && disk.is_well();
}

Liveness::AgentState* Liveness::state_of(std::string const& agent)
{
    for (auto const& state : agents_) {
        auto const& machine = state->agent.machine;
        if (machine.name == agent || machine.ip.text() == agent) return state.get();
    }
    return nullptr;
}

void Liveness::look()
{
    auto const now = nature_.time.now();
    auto const& server = server_.machine;
    server_is_up_.see(is_well(server, server_.disk), server.life(), now);
    if (server_life_.number != server.lives) server_life_ = {server.lives, now, server.jumps};
    look_at_gates();
    for (auto const& state : agents_) {
        look_at(*state);
        check_handovers(*state);
        check_reports(*state);
    }
    constexpr int between_looks_at_firings = 10;
    if (++seconds_ % between_looks_at_firings == 0) check_firings();
}

void Liveness::look_at(AgentState& state)
{
    auto const now = nature_.time.now();
    auto const& machine = state.agent.machine;
    auto const both = server_.machine.life() * 1'000'000 + machine.life();
    bool const is_up = is_well(machine, state.agent.disk);
    bool const is_near = is_up && network_.slow == 0us && !network_.is_parted(server_.machine, machine);
    bool const can_talk =
        is_near && is_well(server_.machine, server_.disk) && machine.process->is_registered();
    state.is_up.see(is_up, machine.life(), now);
    state.is_near.see(is_near, machine.life(), now);
    state.can_talk.see(can_talk, both + 1'000 * network_.tears_between(server_.machine, machine), now);
    state.has_room.see(can_talk && state.unfinished.size() < busy_agent, 0, now);
}

/// The time of what a window or a cap holds back begins when nothing does any more.
void Liveness::look_at_gates()
{
    for (auto& [id, open] : open_) {
        auto const& log = *invariants_.facts().at(id).log;
        if (log.status == TaskStatus::waiting && server_.gates.may_hold(log.agent, log.app, log.func))
            open.since = nature_.time.now();
    }
}

void Liveness::check_handovers(AgentState const& state)
{
    auto const now = nature_.time.now();
    if (!state.can_talk.has_lasted(handover_bound, now) || !state.has_room.has_lasted(handover_bound, now))
        return;
    for (auto const& [id, open] : open_) {
        if (now - open.since <= handover_bound) continue;
        auto const& facts = invariants_.facts().at(id);
        if (facts.journal || facts.log->agent != state.agent.machine.ip.text()) continue;
        if (facts.log->status != TaskStatus::waiting && facts.log->status != TaskStatus::sent) continue;
        broken("handed-over-soon", named(*facts.log) + " waits for " + seconds(now - open.since) +
                                       ", and its agent is there for " +
                                       seconds(now - *state.can_talk.since()) + ", with a disk that works");
    }
}

void Liveness::check_reports(AgentState const& state)
{
    auto const now = nature_.time.now();
    if (!state.can_talk.has_lasted(report_bound, now)) return;
    for (auto const id : state.unconfirmed) {
        auto const ended = ended_.find(id);
        if (ended == ended_.end() || now - ended->second <= report_bound) continue;
        broken("reported-soon", "the result of task " + id.text() + " is on " + state.agent.machine.name +
                                    " for " + seconds(now - ended->second) + " and is not confirmed");
    }
}

void Liveness::check_firings()
{
    auto const now = nature_.time.now();
    auto const until = nature_.time.day() - firing_bound;
    CronLedger::Late const late = [this](std::string what) { broken("fired-soon", std::move(what)); };
    CronLedger::Late const late_run = [this](std::string what) { broken("schedule-once", std::move(what)); };
    if (server_is_up_.has_lasted(firing_bound, now)) {
        server_.watch.check_crons(until + server_.machine.off, late);
        server_.schedules.check(until + server_.machine.off, late_run);
    }
    for (auto const& state : agents_) {
        auto const& agent = state->agent;
        if (state->is_up.has_lasted(firing_bound, now))
            agent.watch.check_crons(until + agent.machine.off, firing_bound, late);
    }
}

void Liveness::server_clock_jumps()
{
    before_jumps_.emplace_back(nature_.time.now(), nature_.time.day() + server_.machine.off);
}

bool Liveness::ttl_is_over(LogRow const& row) const
{
    if (row.ttl == 0s) return true;
    constexpr auto rounding = 1s;
    // It counts from the call, and a slow disk takes its time until the task is in the log.
    constexpr auto longest_write = 10s;
    auto const needed = row.ttl - rounding;
    if (nature_.time.day() + server_.machine.off - row.accepted >= needed) return true;
    auto const now = nature_.time.now();
    auto const since = accepted_.at(row.id) - longest_write;
    // By the clock as it went before it was set.
    return std::any_of(before_jumps_.begin(), before_jumps_.end(), [&](auto const& jump) {
        auto const& [when, said] = jump;
        return when >= since && said + (now - when) - row.accepted >= needed;
    });
}

void Liveness::log_wrote(LogRow const& row, bool was_final)
{
    auto const now = nature_.time.now();
    accepted_.try_emplace(row.id, now);
    if (!is_final(row.status)) {
        open_.try_emplace(row.id, Open{now});
        return;
    }
    open_.erase(row.id);
    if (was_final) return;
    if (server_.runs.run_of(row.id)) return check_run_task(row);
    if (row.status == TaskStatus::expired && (row.ttl == 0s || !ttl_is_over(row)))
        broken("expired-after-ttl", named(row) + " after " + seconds(now - accepted_.at(row.id)));
    if (row.status == TaskStatus::undelivered && !ttl_is_over(row))
        broken("undelivered-rightly",
            named(row) + " after " + seconds(now - accepted_.at(row.id)) + ", and its ttl is not over");
    check_make_up(row);
}

void Liveness::check_make_up(LogRow const& row)
{
    auto* const state = state_of(row.agent);
    auto const made_up = made_up_.find(row.id);
    if (row.status != TaskStatus::undelivered || made_up == made_up_.end() || !state) return;
    look_at(*state);
    auto const now = nature_.time.now();
    auto const accepted = accepted_.at(row.id);
    bool const was_near = state->is_near.since() && *state->is_near.since() <= accepted;
    // What has a ttl of its job's is handed over within it, or never. A server that has the agent's link, and
    // was not told that it is broken, cannot know that the agent does not hear it, until the ttl is over.
    auto const& linked_on = made_up->second;
    bool const is_wire_broken =
        linked_on && *linked_on != network_.tears_between(server_.machine, state->agent.machine);
    bool const ran_out = row.ttl > 0s && ttl_is_over(row) && is_wire_broken;
    if (was_near && !ran_out && now - accepted < make_up_patience)
        broken("make-up-reaches", named(row) +
                                      " makes up for missed firings; its agent could be reached, and " +
                                      "the server gave it up after " + seconds(now - accepted));
}

/// A run's task has no ttl of its own: its run waits for the agent, and then starts it or gives it up.
void Liveness::check_run_task(LogRow const& row)
{
    auto const now = nature_.time.now();
    auto const& run = *server_.runs.run_of(row.id);
    auto* const state = state_of(row.agent);
    constexpr auto rounding = 2s;
    bool const jumped = std::any_of(before_jumps_.begin(), before_jumps_.end(),
        [&](auto const& jump) { return jump.first >= run.created - rounding; });
    bool const waited = now - run.created >= run.ask.ttl - rounding || jumped;
    if (row.status == TaskStatus::expired && (run.ask.ttl == 0s || !waited))
        broken("expired-after-ttl", named(row) + " of a run with the ttl " + seconds(run.ask.ttl) +
                                        ", begun " + seconds(now - run.created) + " ago");
    if (row.status != TaskStatus::undelivered || !state) return;
    constexpr auto settled = 5s;
    // As it is at this moment: within the second since the last look an agent may have stopped.
    look_at(*state);
    // An agent may not know that its wire is broken.
    bool const is_linked = state->registered_in == server_.machine.lives && !has_broken_wire(*state);
    // The server has decided before its disk had taken the write of it.
    bool const was_linked = is_linked && state->registered_at < row.accepted;
    bool const was_there =
        was_linked && state->can_talk.since() && *state->can_talk.since() + settled <= accepted_.at(row.id);
    if (was_there)
        broken("run-silent",
            named(row) + " of a run; its agent is there for " + seconds(now - *state->can_talk.since()));
    // So long agents have to come back after a start of the server. One that it has registered has come back,
    // also where the agent stopped before it heard so.
    constexpr auto grace = 30s;
    auto const& server = server_.machine;
    bool const is_new = server_life_.number == server.lives && server_life_.jumps == server.jumps &&
                        now - server_life_.since < grace - rounding;
    if (is_new && state->known_in != server.lives)
        broken("run-silent", named(row) + " of a run, " + seconds(now - server_life_.since) +
                                 " after the start of the server: its agent had time to come back");
}

bool Liveness::has_broken_wire(AgentState const& state) const
{
    return state.registered_on != network_.tears_between(server_.machine, state.agent.machine);
}

void Liveness::server_registered(Ip const& agent)
{
    if (auto* const state = state_of(agent.text())) state->known_in = server_.machine.lives;
}

void Liveness::registered(std::string const& agent)
{
    auto* const state = state_of(agent);
    if (!state) return;
    state->registered_in = server_.machine.lives;
    state->registered_at = nature_.time.day() + server_.machine.off;
    state->registered_on = network_.tears_between(server_.machine, state->agent.machine);
}

void Liveness::journal_wrote(std::string const& agent, JournalRow const& row)
{
    auto* const state = state_of(agent);
    if (!state) return;
    bool const is_done = row.stage == "done";
    if (is_done) ended_.try_emplace(row.id, nature_.time.now());
    if (is_done) {
        state->unfinished.erase(row.id);
    } else {
        state->unfinished.insert(row.id);
    }
    if (is_done && !row.confirmed) {
        state->unconfirmed.insert(row.id);
    } else {
        state->unconfirmed.erase(row.id);
    }
}

void Liveness::worker_started(TaskId id)
{
    if (auto const told = told_.find(id); told != told_.end())
        broken("no-start-after-end",
            "task " + id.text() + " starts, and its caller was told before: " + told->second);
    auto const& facts = invariants_.facts().at(id);
    if (!facts.log || (facts.journal && facts.journal->cron_id)) return;
    auto const status = facts.log->status;
    if (status == TaskStatus::timeout || (status == TaskStatus::failed && facts.log->handed == false))
        broken("no-start-after-end", named(*facts.log) + " starts");
}

void Liveness::told_end(TaskId id, std::string const& what)
{
    auto const facts = invariants_.facts().find(id);
    if (facts == invariants_.facts().end() || facts->second.starts == 0) told_.try_emplace(id, what);
}

void Liveness::makes_up(TaskId id)
{
    auto const* const state = state_of(invariants_.facts().at(id).log->agent);
    bool const is_linked = state && state->known_in == server_.machine.lives;
    made_up_.emplace(id, is_linked ? std::optional(state->registered_on) : std::nullopt);
}

} // namespace elves::sim
