// How runs begin: by a call, as a retry, as a firing of a schedule, and again after a start of the server.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "elves/ad_hoc.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/sha256.hpp"
#include "run_records.hpp"
#include "runs.hpp"
#include "slices.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_active = 1'000;

/// What the start of a run shows in the audit trail, whatever that shows of other calls: whom it is for, and
/// within which limits.
void show_in_audit(Caller const& caller, FleetRun const& run, RunPlan const& plan)
{
    if (!caller.audit) return;
    constexpr std::size_t longest_text = 4 * 1024;
    auto fields = run.spec.to_json();
    auto const text = json::serialize(fields["ins"]);
    bool const is_shown = is_audited_as_text(run.spec.ins.ins.app) && text.size() <= longest_text;
    if (!is_shown) fields["ins"] = "sha256:" + Sha256().hex(text);
    fields["digest"] = plan.digest;
    fields["count"] = std::to_string(plan.hosts.size());
    caller.audit->show(json::serialize(fields));
}

asio::awaitable<std::vector<RunHost>> hosts_of(RunPlan const& plan)
{
    std::vector<RunHost> hosts;
    hosts.reserve(plan.hosts.size());
    Slices slices;
    auto next = plan.hosts.begin();
    for (std::size_t wave = 0; wave < plan.wave_sizes.size(); ++wave) {
        for (auto left = plan.wave_sizes[wave]; left > 0; --left) {
            hosts.push_back({*next++, wave});
            if (slices.is_over()) co_await let_others_go_on();
        }
    }
    co_return hosts;
}

} // namespace

asio::awaitable<Runs::Begun> Runs::begin(RunSpec spec, Caller caller)
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
            auto run = co_await find(first->id);
            std::vector<Ip> hosts;
            for (auto const& host : run->hosts) hosts.push_back(host.ip);
            co_return Begun{std::move(run), target_digest(hosts)};
        }
    }
    auto plan = co_await planner_.plan(spec, caller);
    auto run = made_of(std::move(spec), caller);
    show_in_audit(caller, run, plan);
    auto also = caller.also(run.id.text());
    co_return co_await record(std::move(run), std::move(plan), std::move(also));
}

asio::awaitable<Runs::Begun> Runs::retry(TaskId of, std::set<std::string> states, RunSpec spec, Caller caller)
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

asio::awaitable<Runs::Begun> Runs::begin_firing(FleetRun run, RunPlan plan, Store::Work first)
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
asio::awaitable<Runs::Begun> Runs::record(FleetRun run, RunPlan plan, Store::Work also, Store::Work first)
{
    run.hosts = co_await hosts_of(plan);
    if (active_.size() >= most_active)
        throw Error(codes::too_much, "1000 runs have not ended; wait until one has, or stop one");
    run.host_count = plan.hosts.size();
    run.max_fail = plan.limits.max_fail;
    run.seed = plan.seed;
    run.created = house_.clock.now();
    run.begin_at = plan.begin_at;
    auto const whole = std::make_shared<FleetRun>(std::move(run));
    Store::Work write = [whole](Db& db) { run_records::insert(db, *whole); };
    write = together(together(std::move(first), std::move(write)), std::move(also));
    co_await house_.store.write(std::move(write));
    ELVES_LOG(info, "run.created run=" << whole->id.text() << " by=" << whole->by << " hosts="
                                       << whole->host_count << " instruct=" << whole->spec.ins.ins.name());
    // The write is over: the store does not read it any more.
    auto const entry = activate(std::move(*whole));
    pump_soon(entry);
    co_return Begun{RunPtr(entry, &entry->run.run()), plan.digest};
}

bool Runs::has_open_run_of(TaskId schedule) const
{
    if (taken_up_.contains(schedule)) return true;
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
    if (run.schedule) taken_up_.erase(taken_up_.find(*run.schedule));
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

/// Nothing while it is unfinished: its end will be told.
asio::awaitable<std::optional<RunOutcome>> Runs::outcome_of(TaskId id)
{
    // One that was canceled stays in memory until its agent knows.
    if (auto const* const open = house_.engine.open(id); open && !is_final(open->status))
        co_return std::nullopt;
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

} // namespace elves
