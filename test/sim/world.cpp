#include "sim/world.hpp"

#include <algorithm>

#include "elves/error.hpp"
#include "sim/faults.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

/// Some runs begin shortly before their zone changes its clocks.
Instant start_of(std::uint64_t seed)
{
    std::vector<std::string_view> const starts{"2026-01-01T00:00:00Z", "2026-03-29T00:30:00Z",
        "2026-10-25T00:30:00Z", "2026-10-24T23:58:00Z", "2026-06-30T23:50:00Z"};
    return parse_iso(starts[seed % starts.size()]).value();
}

/// Ends the tasks that `which` selects, as a server that gives up too early would have.
std::string ends_early(TaskStatus status, std::string const& which)
{
    return "REPLACE INTO task_outcomes (key, status, cancel_due, end_after) SELECT key, " +
           std::to_string(static_cast<int>(status)) + ", 0, 0 FROM tasks " + which;
}
constexpr auto waiting_ones = "WHERE ttl > 20 AND status = 'waiting' AND (key >> 10) % 3 = 0";
/// A run behind the record of those that it makes up for.
constexpr auto make_ups =
    "WHERE end_time IS NULL AND cron_id IN (SELECT id FROM cron_job WHERE type = 'center') AND EXISTS "
    "(SELECT 1 FROM tasks AS before WHERE before.cron_id = tasks.cron_id "
    "AND before.sync_error LIKE '%it runs once for them%' AND before.key = "
    "(SELECT max(key) FROM tasks AS all_before WHERE all_before.cron_id = tasks.cron_id "
    "AND all_before.key < tasks.key))";

/// Hosts that have not started become others.
constexpr auto other_hosts =
    "UPDATE run_host SET ip = '10.0.9.' || (place + 1) WHERE task IS NULL AND state IS NULL AND place > 0";
constexpr auto lost_states = "UPDATE run_host SET state = NULL WHERE place > 0 AND state = 'failed'";
/// How far a schedule is goes back behind its last run, and of that the log does not say which time it was.
constexpr auto lost_fire_times =
    "UPDATE run_schedule SET settled = settled - 1 WHERE EXISTS (SELECT 1 FROM run "
    "WHERE run.schedule = run_schedule.id AND run.fire_time = run_schedule.settled AND state <> 'skipped');"
    "UPDATE run SET fire_time = fire_time + 1 + rowid % 998 WHERE schedule IS NOT NULL AND state <> "
    "'skipped' "
    "AND fire_time % 1000 = 0;";

RunBug run_bug_of(Plant bug)
{
    switch (bug) {
    case Plant::run_twice:
        return RunBug::sends_twice;
    case Plant::run_hidden_failures:
        return RunBug::hides_failures;
    case Plant::run_early_waves:
        return RunBug::ends_early;
    case Plant::run_lost_ends:
        return RunBug::loses_ends;
    case Plant::run_no_grace:
        return RunBug::gives_no_grace;
    case Plant::run_late_starts:
        return RunBug::starts_late;
    case Plant::windows_open:
        return RunBug::opens_windows;
    case Plant::caps_overrun:
        return RunBug::loses_places;
    default:
        return RunBug::none;
    }
}

Zone zone_of(std::uint64_t seed) { return seed % 3 == 0 ? Zone() : Zone::named("Europe/Berlin").value(); }

} // namespace

World::Agent::Agent(World& world, std::size_t number)
    : machine("agent" + std::to_string(number), "10.0.1." + std::to_string(number))
    , disk(machine.name)
    , watch(world.invariants_, world.nature_.time, machine.name)
{
    disk.begin_watch = [this](Db& db) { watch.begin(db); };
    disk.on_commit = [this](Db& db) { watch.look(db); };
    world.machines_.push_back(&machine);
    world.gate_watch_.add(machine);
}

World::World(Options const& options)
    : options_(options)
    , nature_(options.seed, start_of(options.seed))
    , invariants_(nature_)
    , network_(nature_)
    , zone_(zone_of(options.seed))
    , give_up_(nature_.random.chance(300) ? 20s : 24h)
    , run_bug_(run_bug_of(options.plant))
    , kind_(nature_.random.chance(150)   ? Kind::fleet
            : nature_.random.chance(200) ? Kind::gates
                                         : Kind::ordinary)
    , server_disk_("server")
    , run_watch_(nature_, invariants_)
    , gate_watch_(nature_, invariants_, {server_, server_disk_, {}, zone_})
    , log_watch_(invariants_, run_watch_, zone_, give_up_)
    , schedule_watch_(invariants_, run_watch_, zone_)
{
    if (options.keep_trace) nature_.trace.keep(options.print_trace);
    nature_.trace.on_internal_error = [this](std::string const& text) {
        invariants_.broken("no-internal-error", text);
    };
    invariants_.gates = &gate_watch_;
    watch_server();
    machines_ = {&server_, &processor_, &clients_};
    auto const agents = kind_ == Kind::fleet ? nature_.random.between(4, 6) : nature_.random.between(1, 3);
    for (std::int64_t i = 1; i <= agents; ++i)
        agents_.push_back(std::make_unique<Agent>(*this, static_cast<std::size_t>(i)));
    processes_.resize(machines_.size());

    plant(options.plant);
    faults_ = std::make_unique<Faults>(*this);
    watch_liveness();
}

void World::watch_server()
{
    server_disk_.begin_watch = [this](Db& db) {
        gate_watch_.begin(db);
        log_watch_.begin(db);
        run_watch_.begin(db);
        schedule_watch_.begin(db);
    };
    server_disk_.on_commit = [this](Db& db) {
        gate_watch_.take(db);
        run_watch_.take(db);
        log_watch_.look(db);
        run_watch_.check(db);
        schedule_watch_.look(db);
    };
}

void World::plant(Plant bug)
{
    constexpr int now_and_then = 20;
    if (bug == Plant::forgetful_server) server_disk_.faults.forgets = now_and_then;
    if (bug == Plant::hasty_server) server_disk_.faults.rushes = now_and_then;
    if (bug == Plant::garbler) network_.garbles = now_and_then;
    for (auto const& agent : agents_)
        if (bug == Plant::forgetful_agent) agent->disk.faults.forgets = now_and_then;
    network_.loses_handovers = bug == Plant::lost_handovers;
    network_.loses_reports = bug == Plant::lost_reports;
    network_.delays_handovers = bug == Plant::late_handovers;
    if (bug == Plant::lost_timers) server_.forgets_timers = 15;
    if (bug == Plant::expires_early) log_watch_.plant = ends_early(TaskStatus::expired, waiting_ones);
    if (bug == Plant::gives_up) log_watch_.plant = ends_early(TaskStatus::undelivered, waiting_ones);
    if (bug == Plant::no_make_up) log_watch_.plant = ends_early(TaskStatus::undelivered, make_ups);
    if (bug == Plant::lost_output) log_watch_.plant = "DELETE FROM outputs WHERE at > 0";
    if (bug == Plant::run_other_list) log_watch_.plant = other_hosts;
    if (bug == Plant::run_wrong_sum) log_watch_.plant = lost_states;
    if (bug == Plant::schedule_twice) log_watch_.plant = lost_fire_times;
}

void World::watch_liveness()
{
    liveness_ = std::make_unique<Liveness>(nature_, invariants_, network_,
        Liveness::Server{server_, server_disk_, log_watch_, run_watch_, schedule_watch_, gate_watch_});
    for (auto const& agent : agents_) liveness_->add({agent->machine, agent->disk, agent->watch});
    liveness_->begin();
}

World::~World()
{
    for (auto& process : processes_) process.reset();
    nature_.time.forget();
}

void World::start(Machine& machine)
{
    if (machine.process) return;
    ELVES_SIM_TRACE(nature_.trace, machine.name << " starts");
    auto const place = std::find(machines_.begin(), machines_.end(), &machine) - machines_.begin();
    auto& process = processes_[static_cast<std::size_t>(place)];
    if (&machine == &server_) {
        auto server = std::make_unique<SimServer>(nature_,
            SimServer::Place{machine, server_disk_, network_, processor_, zone_, give_up_, run_bug_});
        server->on_registered([this](Ip const& agent) { liveness_->server_registered(agent); });
        process = std::move(server);
    } else if (&machine == &processor_) {
        process = std::make_unique<SimProcessor>(nature_, machine, network_, server_, invariants_);
    } else if (&machine == &clients_) {
        std::vector<Machine*> agents;
        for (auto const& agent : agents_) agents.push_back(&agent->machine);
        process = std::make_unique<SimClients>(nature_,
            SimClients::Place{
                machine, network_, server_, std::move(agents), invariants_, run_watch_, gate_watch_, zone_},
            kind_ == Kind::fleet   ? fleet_habits
            : kind_ == Kind::gates ? gate_habits
                                   : Habits(),
            static_cast<std::size_t>(nature_.random.between(1, 6)));
    } else {
        auto const& agent = *std::find_if(
            agents_.begin(), agents_.end(), [&](auto const& one) { return &one->machine == &machine; });
        process = std::make_unique<SimAgent>(
            nature_, SimAgent::Place{machine, agent->disk, network_, server_, invariants_});
    }
}

void World::kill(Machine& machine)
{
    for (auto& process : processes_)
        if (process.get() == machine.process) process.reset();
}

void World::look_for_ends()
{
    for (auto& process : processes_) {
        if (!process || !process->is_over()) continue;
        auto& machine = process->machine;
        ELVES_SIM_TRACE(nature_.trace, machine.name << " has ended");
        process.reset();
        nature_.time.after(nature_.random.time(1ms, 20s), [this, &machine] { start(machine); });
    }
}

/// One handler of one process, whichever; or the next thing that happens in the world.
bool World::step()
{
    ++steps_;
    auto const count = processes_.size();
    auto const first = nature_.random.below(count);
    for (std::size_t i = 0; i < count; ++i) {
        auto& process = processes_[(first + i) % count];
        if (!process || !process->step()) continue;
        if (process->is_over()) look_for_ends();
        return true;
    }
    if (nature_.time.happen()) return true;
    auto next = nature_.time.next();
    for (auto const& process : processes_) {
        if (!process || process->machine.paused) continue;
        auto const due = process->clock.next();
        if (due && (!next || *due < *next)) next = due;
    }
    if (!next) return false;
    nature_.time.move_to(*next);
    return true;
}

Outcome World::run()
{
    for (auto* const machine : machines_) start(*machine);
    faults_->begin();
    while (steps_ < options_.steps && !broken() && step()) {
    }
    if (!broken()) calm_down();
    if (!broken()) check_times();
    if (!broken()) come_to_rest();
    Outcome outcome;
    outcome.violation = invariants_.violation();
    outcome.steps = steps_;
    outcome.tasks = invariants_.facts().size();
    outcome.tally = nature_.tally;
    outcome.digest = nature_.trace.digest();
    auto const& lines = nature_.trace.lines();
    outcome.trace.assign(lines.begin(), lines.end());
    return outcome;
}

void World::run_for(std::chrono::seconds time)
{
    auto const until = nature_.time.now() + time;
    while (nature_.time.now() < until && !broken() && step()) {
    }
}

void World::calm_down()
{
    ELVES_SIM_TRACE(nature_.trace, "nothing goes wrong from now on");
    faults_->end();
    static_cast<SimClients*>(clients_.process)->be_quiet();
    run_for(150s);
}

/// While cron jobs and schedules are still on: what has been due is accounted for.
void World::check_times()
{
    constexpr auto slack = 100s;
    for (auto const& agent : agents_) agent->watch.at_rest(nature_.time.day() + agent->machine.off - slack);
    log_watch_.check_crons(nature_.time.day() + server_.off - slack);
    schedule_watch_.at_rest(nature_.time.day() + server_.off - slack);
}

void World::come_to_rest()
{
    auto& clients = *static_cast<SimClients*>(clients_.process);
    clients.stop_all_crons();
    clients.end_all_runs();
    auto const limit = nature_.time.now() + 3h;
    while (!is_at_rest() && nature_.time.now() < limit && !broken()) run_for(5s);
    if (!broken()) run_watch_.at_rest();
    if (!broken() && server_disk_.db()) log_watch_.at_rest(*server_disk_.db());
    for (auto const& agent : agents_) {
        if (!agent->watch.jobs().empty())
            invariants_.broken("own-crons", agent->machine.name + " still has cron jobs of its own");
    }
}

bool World::is_at_rest()
{
    if (!static_cast<SimClients*>(clients_.process)->is_idle() || invariants_.unfinished() > 0) return false;
    if (!run_watch_.unfinished().empty()) return false;
    for (auto const& agent : agents_) {
        auto const* const process = static_cast<SimAgent const*>(agent->machine.process);
        if (!process || !process->is_output_confirmed() || !agent->watch.jobs().empty()) return false;
    }
    if (!server_disk_.db()) return false;
    auto owed = server_disk_.db()->run("SELECT 1 FROM deliveries");
    return !owed.next();
}

} // namespace elves::sim
