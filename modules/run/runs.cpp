#include "runs.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <stdexcept>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/sha256.hpp"
#include "run_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr auto retry_pause = 2s;
constexpr auto longest_watch = 25s;
constexpr std::size_t most_active = 1'000;
constexpr std::size_t most_watchers = 1'000;
/// Hosts of a run that are begun, or asked about, before the loop does something else.
constexpr std::size_t hosts_of_turn = 100;

Error no_run(TaskId id) { return {codes::no_run, "no run " + id.text()}; }

/// What the start of a run shows in the audit trail, whatever that shows of other calls: whom it is for, and
/// within which limits.
void show_in_audit(Caller const& caller, FleetRun const& run, RunPlan const& plan)
{
    if (!caller.audit) return;
    auto fields = run.spec.to_json();
    fields["ins"] = "sha256:" + Sha256().hex(json::serialize(fields["ins"]));
    fields["digest"] = plan.digest;
    fields["count"] = std::to_string(plan.hosts.size());
    caller.audit->show(json::serialize(fields));
}

} // namespace

Runs::Runs(House house)
    : house_(std::move(house))
    , planner_(house_.engine, house_.presence, house_.targets, house_.clock, house_.zone)
{
    house_.engine.on_finished([this](Task const& task) { finished(task); });
    house_.presence.on_link([this](Ip const& agent) { agent_is_back(agent); });
    house_.engine.keep_tasks_of([](Db& db, TaskId run) { return run_records::is_open(db, run); });
    house_.gate.on_free([this](std::string const& place) { gate_is_free(place); });
    house_.targets.runs_from(
        [this](TaskId id, std::string state, Caller caller) -> asio::awaitable<std::vector<Ip>> {
            auto const run = co_await find(id);
            std::vector<Ip> hosts;
            for (auto const& host : run->hosts) {
                if (caller.may_touch(host.ip) && (state.empty() || state_of(host) == state))
                    hosts.push_back(host.ip);
            }
            std::sort(hosts.begin(), hosts.end());
            co_return hosts;
        });
}

void Runs::start()
{
    // After a start every agent is away for a moment, and none of them is silent.
    grace_until_ = house_.clock.steady() + house_.agents.offline_after();
    std::vector<FleetRun> open;
    house_.store.at_start([&open](Db& db) {
        open.clear();
        for (auto const id : run_records::open(db)) {
            if (auto run = run_records::find(db, id)) open.push_back(std::move(*run));
        }
    });
    for (auto& run : open) asio::co_spawn(house_.loop, take_up(std::move(run)), asio::detached);
}

void Runs::stop()
{
    is_stopping_ = true;
    for (auto const& [id, entry] : active_) {
        entry->timer.stop();
        for (auto& watcher : std::exchange(entry->watchers, {})) watcher.set(false);
    }
}

// ---- the beginning of a run ----

asio::awaitable<FleetRun> Runs::begin(RunSpec spec, Caller caller)
{
    auto const turn = co_await beginnings_.enter(house_.clock);
    if (!spec.dedup.text.empty()) {
        std::function<std::optional<FleetRun>(Db&)> look = [by = caller.by(), dedup = spec.dedup.text](
                                                               Db& db) {
            auto const id = run_records::with_dedup(db, by, dedup);
            return id ? run_records::find(db, *id) : std::nullopt;
        };
        auto first = co_await house_.store.read(std::move(look));
        if (first) {
            auto const now = co_await find(first->id);
            co_return *now;
        }
    }
    auto plan = co_await planner_.plan(spec, caller);
    auto run = made_of(std::move(spec), caller);
    show_in_audit(caller, run, plan);
    auto also = caller.also(run.id.text());
    co_return co_await record(std::move(run), std::move(plan), std::move(also));
}

asio::awaitable<FleetRun> Runs::retry(TaskId of, std::set<std::string> states, RunSpec spec, Caller caller)
{
    auto const turn = co_await beginnings_.enter(house_.clock);
    spec.require_sound();
    auto const old = co_await find(of);
    std::vector<Ip> hosts;
    for (auto const& host : old->hosts) {
        if (!states.contains(state_of(host))) continue;
        caller.require(host.ip);
        hosts.push_back(host.ip);
    }
    if (hosts.empty())
        throw Error(codes::bad_target, "run " + of.text() + " has no host in one of these states");
    std::sort(hosts.begin(), hosts.end());
    require_run_hosts(caller, hosts.size());
    auto plan = co_await planner_.planned(spec, std::move(hosts));
    auto run = made_of(std::move(spec), caller);
    run.retry_of = of;
    show_in_audit(caller, run, plan);
    auto also = caller.also(run.id.text());
    co_return co_await record(std::move(run), std::move(plan), std::move(also));
}

asio::awaitable<FleetRun> Runs::begin_firing(FleetRun run, RunPlan plan, Store::Work first)
{
    auto const turn = co_await beginnings_.enter(house_.clock);
    co_return co_await record(std::move(run), std::move(plan), {}, std::move(first));
}

FleetRun Runs::made_of(RunSpec spec, Caller const& caller) const
{
    FleetRun run;
    run.id = TaskId::random();
    run.spec = std::move(spec);
    run.by = caller.by();
    run.from = caller.peer ? caller.peer->ip().text() : std::string();
    return run;
}

/// `run` says what it is and whose; the rest is as planned. `first` is written before it, `also` behind it.
asio::awaitable<FleetRun> Runs::record(FleetRun run, RunPlan plan, Store::Work also, Store::Work first)
{
    if (active_.size() >= most_active)
        throw Error(codes::too_much, "1000 runs have not ended; wait until one has, or stop one");
    run.host_count = plan.hosts.size();
    run.max_fail = plan.limits.max_fail;
    run.seed = plan.seed;
    run.created = house_.clock.now();
    run.begin_at = plan.begin_at;
    run.hosts = std::move(plan.hosts);
    auto const whole = std::make_shared<FleetRun const>(run);
    Store::Work write = [whole](Db& db) { run_records::insert(db, *whole); };
    write = together(together(std::move(first), std::move(write)), std::move(also));
    co_await house_.store.write(std::move(write));
    ELVES_LOG(info, "run.created run=" << run.id.text() << " by=" << run.by << " hosts=" << run.host_count
                                       << " instruct=" << run.spec.ins.ins.name());
    auto const entry = activate(run);
    pump_soon(entry);
    co_return run;
}

bool Runs::has_open_run_of(TaskId schedule) const
{
    return std::any_of(active_.begin(), active_.end(), [&](auto const& each) {
        auto const& run = each.second->run.run();
        return run.schedule == schedule && !is_final(run.state);
    });
}

Runs::EntryPtr Runs::activate(FleetRun run)
{
    auto const id = run.id;
    auto entry = std::make_shared<Entry>(std::move(run), house_.clock.now());
    active_.emplace(id, entry);
    for (auto const task : entry->run.open_tasks()) by_task_.emplace(task, entry);
    return entry;
}

/// Of a run that had not ended when the server did: what became of its tasks since, and then it goes on.
asio::awaitable<void> Runs::take_up(FleetRun run)
{
    for (auto& host : run.hosts) {
        if (host.task && !host.outcome) host.outcome = co_await outcome_until_read(*host.task);
    }
    if (is_stopping_) co_return;
    auto const entry = activate(std::move(run));
    entry->is_older = true;
    // Those that ended in between.
    for (auto const task : entry->run.open_tasks()) {
        auto const outcome = co_await outcome_until_read(task);
        auto const place = entry->run.place_of(task);
        if (!outcome || !place) continue;
        by_task_.erase(task);
        entry->run.set_final(*place, *outcome, house_.clock.now());
    }
    pump_soon(entry);
}

/// Nothing while it is open.
asio::awaitable<std::optional<RunOutcome>> Runs::outcome_of(TaskId id)
{
    if (house_.engine.open(id)) co_return std::nullopt;
    auto const task = co_await house_.engine.find(id);
    if (!task) co_return RunOutcome{"lost", {}, {}, "the task is not in the log any more"};
    if (!is_final(task->status)) co_return std::nullopt;
    co_return RunOutcome::of(*task);
}

/// The same, asked until the log can be read: a run must not be left behind for a moment's fault.
asio::awaitable<std::optional<RunOutcome>> Runs::outcome_until_read(TaskId id)
{
    while (!is_stopping_) {
        std::string fault;
        try {
            co_return co_await outcome_of(id);
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
        ELVES_LOG(warning, "run.task_not_read task=" << id.text() << " error=" << fault);
        co_await pause(house_.clock, retry_pause);
    }
    co_return std::nullopt;
}

// ---- its course ----

void Runs::pump_soon(EntryPtr const& entry)
{
    if (std::exchange(entry->pump_due, true)) return;
    asio::post(house_.loop, [this, entry, alive = std::weak_ptr(alive_)] {
        if (alive.expired() || is_stopping_) return;
        entry->pump_due = false;
        pump(entry);
    });
}

/// Does what is to be done now, and sets the timer for what comes without anything happening.
void Runs::pump(EntryPtr const& entry)
{
    if (entry->is_steered) return;
    auto& run = entry->run;
    auto const now = house_.clock.now();
    while (auto const place = run.take_waited_out(house_.clock.steady())) run.set_ready(*place);
    auto limits = run.run().limits();
    limits.give_up = give_up_;
    std::size_t left = hosts_of_turn;
    while (true) {
        let_through(*entry);
        auto const step = decide(run.facts(), limits, now);
        if (apply(entry, step)) {
            if (is_final(run.run().state)) return;
            continue;
        }
        auto const before = run.facts();
        if (step.start > 0 && left == 0) return pump_soon(entry);
        if (step.start > 0) begin_ready(entry, step.start, left);
        auto const after = run.facts();
        bool const is_settled =
            step.start == 0 || (before.ready == after.ready && before.state == after.state);
        if (!is_settled) continue;
        std::optional<std::chrono::milliseconds> wait;
        if (step.again) wait = *step.again - now;
        if (auto const waited = run.next_waited_out()) {
            auto const waits = std::chrono::ceil<std::chrono::milliseconds>(*waited - house_.clock.steady());
            wait = wait ? std::min(*wait, waits) : waits;
        }
        if (!wait) return entry->timer.stop();
        entry->timer = house_.clock.after(std::max(*wait, 1ms), [this, entry] { pump(entry); });
        return;
    }
}

/// Takes over what the step changes of the run itself; false where it changes nothing.
bool Runs::apply(EntryPtr const& entry, RunStep const& step)
{
    auto& head = entry->run.head();
    auto const now = house_.clock.now();
    if (step.wave != head.wave) {
        entry->run.begin_wave(step.wave);
        changed(entry);
        return true;
    }
    if (step.state == head.state && step.why == head.why) return false;
    if (head.state == RunState::pending && step.state == RunState::running) head.started = now;
    if (step.state == RunState::paused) head.paused = now;
    head.state = step.state;
    head.why = step.why;
    if (is_final(step.state)) {
        head.ended = now;
        entry->run.end_all_held();
        entry->timer.stop();
    }
    ELVES_LOG(info, "run.changed run=" << head.id.text() << " state=" << state_text(head.state)
                                       << " why=" << why_text(head.why) << " wave=" << head.wave + 1);
    changed(entry);
    return true;
}

/// Begins up to `most` hosts, and looks at up to `left`, of which it takes off those that it has looked at.
void Runs::begin_ready(EntryPtr const& entry, std::size_t most, std::size_t& left)
{
    for (std::size_t begun = 0; begun < most && left > 0; --left) {
        auto const place = entry->run.take_ready();
        if (!place) return;
        auto const& host = entry->run.host(*place);
        if (!key_allows(entry->run.run(), host.ip)) {
            entry->run.set_ready(*place);
            return pause_for(entry, RunWhy::key);
        }
        if (!house_.presence.link(host.ip)) {
            if (waits_for_agent(*entry, *place)) continue;
            if (entry->run.run().spec.ttl > 0s) {
                // It may be a failure: so it counts like one that starts.
                ++begun;
                open(entry, *place);
                asio::co_spawn(house_.loop, expire_host(entry, *place), asio::detached);
                continue;
            }
        }
        if (is_held_back(*entry, *place)) continue;
        ++begun;
        open(entry, *place);
        asio::co_spawn(house_.loop, start_host(entry, *place), asio::detached);
    }
}

bool Runs::is_held_back(Entry& entry, std::size_t place)
{
    auto const& run = entry.run.run();
    auto obstacle = house_.gate.obstacle(run.hosts[place].ip, run.spec.ins.ins);
    if (!obstacle) return false;
    entry.free.erase(obstacle->place);
    entry.run.set_held_back(place, std::move(obstacle->place));
    return true;
}

/// Of each place at the gate that may be free, the first host that waits for it is ready: where it is not
/// free after all, the host comes to wait again.
void Runs::let_through(Entry& entry)
{
    for (auto at = entry.free.begin(); at != entry.free.end();)
        at = entry.run.let_through(*at) ? std::next(at) : entry.free.erase(at);
}

void Runs::gate_is_free(std::string const& place)
{
    for (auto const& [id, entry] : active_) {
        if (!entry->run.waits_at_gate(place)) continue;
        entry->free.insert(place);
        pump_soon(entry);
    }
}

bool Runs::waits_for_agent(Entry& entry, std::size_t place)
{
    auto const now = house_.clock.steady();
    // Its time begins once: an agent that comes and goes again has no other.
    if (auto const waits = entry.wait_until.find(place); waits != entry.wait_until.end()) {
        if (waits->second <= now) return false;
        entry.run.set_away(place, waits->second);
        return true;
    }
    // Who was here since the start is on no way back, nor who never was an agent. One that registered just
    // before a crash may not be on disk: in a run from before the start nobody is taken for such a one. No
    // time of day decides that: the clock may have been set since an agent was heard.
    auto const agent = house_.agents.agent(entry.run.host(place).ip);
    bool const may_be_coming = agent ? !agent->has_registered : entry.is_older;
    auto const until = std::max(now + entry.run.run().spec.ttl, may_be_coming ? grace_until_ : now);
    if (until <= now) return false;
    entry.wait_until.emplace(place, until);
    entry.run.set_away(place, until);
    return true;
}

/// Asked again before each host starts: what a key may do can have changed since.
bool Runs::key_allows(FleetRun const& run, Ip const& host) const
{
    if (!house_.authority || !TaskId::parse(run.by)) return true;
    auto const key = house_.authority->find_key(run.by);
    if (!key || !key->enabled || (key->expires && *key->expires <= house_.clock.now())) return false;
    auto const& ins = run.spec.ins.ins;
    if (key->run_hosts && static_cast<std::int64_t>(run.host_count) > *key->run_hosts) return false;
    return role_may(key->role, Right::operate) && key->may_touch(host) && key->may_run(ins) &&
           (ins.proxy.empty() || key->may_choose_files());
}

void Runs::pause_for(EntryPtr const& entry, RunWhy why)
{
    static_cast<void>(apply(entry, {RunState::paused, why, entry->run.run().wave}));
}

/// From here on the host counts as open, before its coroutine has begun.
void Runs::open(EntryPtr const& entry, std::size_t place)
{
    auto const task = house_.engine.next_id();
    entry->run.set_open(place, task);
    by_task_.emplace(task, entry);
}

/// It is open.
asio::awaitable<void> Runs::start_host(EntryPtr entry, std::size_t place)
{
    auto const& run = entry->run.run();
    TaskEngine::Order order;
    order.id = *run.hosts[place].task;
    order.agent = run.hosts[place].ip;
    order.ins = run.spec.ins.ins;
    order.by = run.by;
    order.from = run.from;
    order.run = run.id;
    order.audit_write = [id = run.id, place, task = order.id](
                            Db& db) { run_records::claim(db, id, place, task); };
    std::optional<Error> refused;
    try {
        auto const recorded = co_await house_.engine.send(std::move(order));
        if (is_final(recorded.task.status)) host_ended(entry, place, recorded.task);
    } catch (Error const& error) {
        refused = error;
    } catch (std::exception const& problem) {
        refused = Error(codes::internal, problem.what());
    }
    if (refused) not_recorded(entry, place, *refused);
}

/// It is open, and its agent was away for all of the run's ttl.
asio::awaitable<void> Runs::expire_host(EntryPtr entry, std::size_t place)
{
    auto const& run = entry->run.run();
    Task task;
    task.id = *run.hosts[place].task;
    task.agent = run.hosts[place].ip;
    task.ins = run.spec.ins.ins;
    task.status = TaskStatus::expired;
    task.by = run.by;
    task.from = run.from;
    task.run = run.id;
    task.start = house_.clock.now();
    task.end = task.start;
    task.sync_flag = false;
    task.sync_error = Error(codes::agent_unreachable, "agent " + task.agent.text() +
                                                          " did not come within the run's `ttl` (" +
                                                          std::to_string(run.spec.ttl.count()) + " s)")
                          .info();
    TaskEngine::AuditWrite claim = [id = run.id, place, task = task.id](
                                       Db& db) { run_records::claim(db, id, place, task); };
    std::optional<Error> refused;
    try {
        auto const recorded = co_await house_.engine.record(std::move(task), std::move(claim));
        host_ended(entry, place, recorded.task);
    } catch (Error const& error) {
        refused = error;
    } catch (std::exception const& problem) {
        refused = Error(codes::internal, problem.what());
    }
    if (refused) not_recorded(entry, place, *refused);
}

/// Nothing of its task is on disk: it is tried again, unless that can't help.
void Runs::not_recorded(EntryPtr const& entry, std::size_t place, Error const& error)
{
    auto const task = entry->run.host(place).task;
    // It was recorded after all, and has ended since.
    if (!task || entry->run.host(place).outcome) return;
    by_task_.erase(*task);
    entry->run.unset_open(place);
    if (is_stopping_) return;
    ELVES_LOG(warning, "run.host_not_started run=" << entry->run.run().id.text()
                                                   << " agent=" << entry->run.host(place).ip.text()
                                                   << " error=" << error.info());
    bool const may_pass = error.code() == codes::too_much || error.code() == codes::store_cannot_write;
    if (error.code() == codes::closed_now) {
        // The gate has closed since it was asked; it is asked again.
        entry->run.set_ready(place);
    } else if (may_pass) {
        entry->run.set_away(place, house_.clock.steady() + retry_pause);
    } else {
        entry->run.set_ready(place);
        pause_for(entry, RunWhy::person);
    }
    pump_soon(entry);
}

void Runs::finished(Task const& task)
{
    if (by_task_.empty()) return;
    auto const found = by_task_.find(task.id);
    if (found == by_task_.end()) return;
    auto const entry = found->second;
    if (auto const place = entry->run.place_of(task.id)) host_ended(entry, *place, task);
}

void Runs::host_ended(EntryPtr const& entry, std::size_t place, Task const& task)
{
    if (entry->run.host(place).outcome || by_task_.erase(task.id) == 0) return;
    entry->run.set_final(place, RunOutcome::of(task), house_.clock.now());
    entry->ended.emplace_back(entry->seq + 1, place);
    ++entry->seq;
    for (auto& watcher : std::exchange(entry->watchers, {})) watcher.set(true);
    pump_soon(entry);
}

void Runs::agent_is_back(Ip const& agent)
{
    for (auto const& [id, entry] : active_) {
        entry->run.agent_is_back(agent);
        pump_soon(entry);
    }
}

/// Something of the run itself is another: on disk, and told to who waits for it.
void Runs::changed(EntryPtr const& entry)
{
    ++entry->seq;
    for (auto& watcher : std::exchange(entry->watchers, {})) watcher.set(true);
    write_soon(entry);
}

void Runs::write_soon(EntryPtr const& entry)
{
    entry->has_unwritten = true;
    if (std::exchange(entry->is_writing, true)) return;
    asio::co_spawn(house_.loop, write(entry), asio::detached);
}

/// Until the disk has what is in memory. What was decided holds meanwhile: a restart decides it again.
asio::awaitable<void> Runs::write(EntryPtr entry)
{
    while (entry->has_unwritten && !entry->is_steered && !is_stopping_) {
        entry->has_unwritten = false;
        auto const run = std::make_shared<FleetRun const>(entry->run.run());
        bool const has_ended = is_final(run->state);
        Store::Work work = [run, has_ended](Db& db) {
            if (has_ended) {
                run_records::finish(db, *run);
            } else {
                static_cast<void>(run_records::update(db, *run));
            }
        };
        std::string fault;
        try {
            co_await house_.store.write(std::move(work));
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
        if (fault.empty()) {
            if (has_ended) active_.erase(run->id);
            continue;
        }
        entry->has_unwritten = true;
        ELVES_LOG(warning, "run.not_written run=" << run->id.text() << " error=" << fault);
        co_await pause(house_.clock, retry_pause);
    }
    entry->is_writing = false;
}

// ---- steering ----

asio::awaitable<FleetRun> Runs::steer(TaskId id, Steer what, std::optional<RunAmount> max_fail, Caller caller)
{
    auto const entry = entry_of(id);
    if (!entry) {
        auto const old = co_await find(id);
        if (!is_final(old->state))
            throw Error(codes::too_much,
                "run " + id.text() +
                    " is just being taken up after a start of the server; ask again in a moment");
        throw Error(codes::wrong_state,
            "run " + id.text() + " has ended: it is " + std::string(state_text(old->state)));
    }
    auto const turn = co_await entry->steering.enter(house_.clock);
    auto head = entry->run.run();
    head.hosts.clear();
    bool const is_own = !caller.key || caller.by() == head.by || caller.may(Right::manage);
    if (!is_own)
        throw Error(codes::forbidden, "key " + caller.by() + " has no rights on run " + id.text() +
                                          ": its own key, or one with the right manage, steers it");
    if (caller.by() != head.by) {
        for (auto const& host : entry->run.run().hosts) caller.require(host.ip);
    }
    auto const refuse = [&](std::string const& why) {
        return Error(
            codes::wrong_state, "run " + id.text() + " is " + std::string(state_text(head.state)) + why);
    };
    auto const facts = entry->run.facts();
    auto const now = house_.clock.now();
    switch (what) {
    case Steer::pause:
        if (head.state != RunState::running || head.ending != RunEnding::none)
            throw refuse("; a running one can be paused");
        head.state = RunState::paused;
        head.why = RunWhy::person;
        head.paused = now;
        break;
    case Steer::resume: {
        if (head.state != RunState::paused || head.ending != RunEnding::none)
            throw refuse("; a paused one can be resumed");
        if (max_fail) head.max_fail = max_fail->of(head.host_count);
        if (facts.failures > head.max_fail)
            throw refuse(" with " + std::to_string(facts.failures) + " failures, and `max_fail` is " +
                         std::to_string(head.max_fail) + "; give a larger one");
        bool const is_wave_over = facts.ready + facts.away + facts.wave_open == 0;
        if (is_wave_over && head.wave + 1 < facts.waves) ++head.wave;
        head.state = RunState::running;
        head.why = RunWhy::none;
        head.paused.reset();
        break;
    }
    case Steer::stop:
    case Steer::cancel:
        if (is_final(head.state)) throw refuse("; it has ended");
        // Who has canceled it is not overruled by who only stops it.
        head.ending = std::max(head.ending, what == Steer::stop ? RunEnding::stop : RunEnding::cancel);
        break;
    }
    auto also = caller.also(id.text());
    co_await write_steering(entry, head, std::move(also));
    auto& run = entry->run.head();
    if (is_final(run.state)) throw Error(codes::wrong_state, "run " + id.text() + " has ended meanwhile");
    run.max_fail = head.max_fail;
    run.ending = head.ending;
    // Meanwhile the run has gone on: of its course only what this call is for is another.
    bool const pauses = what == Steer::pause && run.state == RunState::running;
    if (pauses || what == Steer::resume) {
        run.paused = head.paused;
        run.state = head.state;
        run.why = head.why;
    }
    if (what == Steer::resume && head.wave != run.wave) entry->run.begin_wave(head.wave);
    changed(entry);
    if (what == Steer::cancel) asio::co_spawn(house_.loop, cancel_open(entry), asio::detached);
    co_return entry->run.run();
}

/// Until it is on disk nothing starts and nothing else is written: or a host could start after the caller was
/// told of a pause, and an older state could be written behind the new one.
asio::awaitable<void> Runs::write_steering(EntryPtr entry, FleetRun head, Store::Work also)
{
    auto const wanted = std::make_shared<FleetRun const>(std::move(head));
    Store::Work write = [wanted](Db& db) {
        if (!run_records::update(db, *wanted))
            throw Error(codes::wrong_state, "run " + wanted->id.text() + " has ended meanwhile");
    };
    write = together(std::move(write), std::move(also));
    entry->is_steered = true;
    std::exception_ptr failure;
    try {
        // What was opened before has begun by then.
        co_await asio::post(house_.loop, asio::use_awaitable);
        co_await house_.store.write(std::move(write));
    } catch (...) {
        failure = std::current_exception();
    }
    entry->is_steered = false;
    pump_soon(entry);
    if (entry->has_unwritten) write_soon(entry);
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> Runs::cancel_open(EntryPtr entry)
{
    for (auto const task : entry->run.open_tasks()) {
        std::string fault;
        try {
            TaskEngine::AuditWrite const nothing;
            static_cast<void>(co_await house_.engine.cancel(task, nothing));
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
        if (!fault.empty())
            ELVES_LOG(warning, "run.task_not_canceled run=" << entry->run.run().id.text()
                                                            << " task=" << task.text() << " error=" << fault);
    }
}

// ---- looking ----

Runs::EntryPtr Runs::entry_of(TaskId id) const
{
    auto const found = active_.find(id);
    return found == active_.end() ? nullptr : found->second;
}

asio::awaitable<std::shared_ptr<FleetRun const>> Runs::find(TaskId id)
{
    // Not a copy: of ten thousand hosts each call would make one.
    if (auto const entry = entry_of(id)) co_return std::shared_ptr<FleetRun const>(entry, &entry->run.run());
    std::function<std::optional<FleetRun>(Db&)> look = [id](Db& db) { return run_records::find(db, id); };
    auto run = co_await house_.store.read(std::move(look));
    if (!run) throw no_run(id);
    co_return std::make_shared<FleetRun const>(std::move(*run));
}

std::string Runs::state_of(RunHost const& host) const
{
    if (host.outcome) return host.outcome->state;
    if (!host.task) return "held";
    auto const* const open = house_.engine.open(*host.task);
    return std::string(status_text(open ? open->status : TaskStatus::waiting));
}

asio::awaitable<Runs::News> Runs::watch(TaskId id, std::uint64_t since)
{
    auto entry = entry_of(id);
    if (entry && entry->seq <= since) {
        if (entry->watchers.size() >= most_watchers)
            throw Error(codes::too_much, "1000 calls watch this run already; ask again in a moment");
        OneShot<bool> news;
        entry->watchers.push_back(news);
        static_cast<void>(co_await news.wait(house_.clock, longest_watch));
        std::erase(entry->watchers, news);
    }
    if (!entry) {
        auto const run = co_await find(id);
        News news{since + 1, run->state, run->why};
        for (auto const& host : run->hosts) news.ended.emplace_back(host.ip, state_of(host));
        co_return news;
    }
    auto const& run = entry->run.run();
    News news{entry->seq, run.state, run.why};
    auto const first = std::find_if(
        entry->ended.begin(), entry->ended.end(), [since](auto const& each) { return each.first > since; });
    for (auto at = first; at != entry->ended.end(); ++at)
        news.ended.emplace_back(run.hosts[at->second].ip, run.hosts[at->second].outcome->state);
    co_return news;
}

} // namespace elves
