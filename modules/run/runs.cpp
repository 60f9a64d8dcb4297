#include "runs.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "run_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_watch = 25s;
constexpr std::size_t most_watchers = 1'000;
/// Hosts in one answer to who watches a run that goes on.
constexpr std::size_t most_ended = 1'000;
/// Hosts of a run that are begun, or asked about, before the loop does something else.
constexpr std::size_t hosts_of_turn = 10;

Error no_run(TaskId id) { return {codes::no_run, "no run " + id.text()}; }

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
    for (auto& run : open) {
        if (run.schedule) taken_up_.insert(*run.schedule);
        asio::co_spawn(house_.loop, take_up(std::move(run)), asio::detached);
    }
}

void Runs::stop()
{
    is_stopping_ = true;
    for (auto const& [id, entry] : active_) {
        entry->timer.stop();
        for (auto& watcher : std::exchange(entry->watchers, {})) watcher.set(false);
    }
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
        ++ended_[step.state];
        entry->run.end_all_held();
        entry->timer.stop();
    }
    ELVES_LOG(info, "run.changed run=" << head.id.text() << " state=" << state_text(head.state)
                                       << " why=" << why_text(head.why) << " wave=" << head.wave + 1);
    changed(entry);
    return true;
}

void Runs::pause_for(EntryPtr const& entry, RunWhy why)
{
    static_cast<void>(apply(entry, {RunState::paused, why, entry->run.run().wave}));
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
        auto const id = entry->run.run().id;
        bool const has_ended = is_final(entry->run.run().state);
        Store::Work work;
        if (has_ended) {
            auto const run = std::make_shared<FleetRun const>(entry->run.run());
            work = [run](Db& db) { run_records::finish(db, *run); };
        } else {
            auto const head = std::make_shared<RunHead const>(entry->run.run());
            work = [head](Db& db) { static_cast<void>(run_records::update(db, *head)); };
        }
        std::string fault;
        try {
            co_await house_.store.write(std::move(work));
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
        if (fault.empty()) {
            if (has_ended) active_.erase(id);
            continue;
        }
        entry->has_unwritten = true;
        ELVES_LOG(warning, "run.not_written run=" << id.text() << " error=" << fault);
        co_await pause(house_.clock, retry_pause);
    }
    entry->is_writing = false;
}

// ---- looking ----

Runs::EntryPtr Runs::entry_of(TaskId id) const
{
    auto const found = active_.find(id);
    return found == active_.end() ? nullptr : found->second;
}

asio::awaitable<Runs::RunPtr> Runs::find(TaskId id)
{
    if (auto open = find_open(id)) co_return open;
    std::function<std::optional<FleetRun>(Db&)> look = [id](Db& db) { return run_records::find(db, id); };
    auto run = co_await house_.store.read(std::move(look));
    if (!run) throw no_run(id);
    co_return std::make_shared<FleetRun const>(std::move(*run));
}

/// Not a copy: of ten thousand hosts each call would make one.
Runs::RunPtr Runs::find_open(TaskId id) const
{
    auto const entry = entry_of(id);
    return entry ? RunPtr(entry, &entry->run.run()) : nullptr;
}

std::string Runs::state_of(RunHost const& host) const
{
    if (host.outcome) return host.outcome->state;
    if (!host.task) return "held";
    return open_state(*host.task);
}

std::string Runs::open_state(TaskId task) const
{
    auto const* const open = house_.engine.open(task);
    return std::string(status_text(open ? open->status : TaskStatus::waiting));
}

Runs::Counts Runs::counts_of(FleetRun const& run) const
{
    Counts counts;
    auto const entry = entry_of(run.id);
    if (!entry) {
        for (auto const& host : run.hosts) ++counts[state_of(host)];
        return counts;
    }
    counts = entry->run.end_counts();
    if (entry->run.held() > 0) counts["held"] = entry->run.held();
    auto unrecorded = entry->run.open_count();
    auto const open = house_.engine.open_counts_of_run(run.id);
    for (std::size_t i = 0; i < open.size(); ++i) {
        if (open[i] == 0) continue;
        counts[std::string(status_text(static_cast<TaskStatus>(i)))] += open[i];
        unrecorded -= std::min(unrecorded, open[i]);
    }
    // Their tasks are being written, or were when the server went down.
    if (unrecorded > 0) counts[std::string(status_text(TaskStatus::waiting))] += unrecorded;
    return counts;
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
    auto const first = std::partition_point(
        entry->ended.begin(), entry->ended.end(), [since](auto const& each) { return each.first <= since; });
    auto const left = static_cast<std::size_t>(entry->ended.end() - first);
    // Who follows it stops at its end, so that one answer has all that is left.
    auto const most = is_final(run.state) ? left : std::min(left, most_ended);
    auto const last = first + static_cast<std::ptrdiff_t>(most);
    for (auto at = first; at != last; ++at)
        news.ended.emplace_back(run.hosts[at->second].ip, run.hosts[at->second].outcome->state);
    if (most < left) news.seq = std::prev(last)->first;
    co_return news;
}

} // namespace elves
