// How runs start their hosts: whether a host may start now, its task, and what is done where that is refused.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "elves/deployment.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "run_records.hpp"
#include "runs.hpp"

namespace elves {

using namespace std::chrono_literals;

/// Begins up to `most` hosts, and looks at up to `left`, of which it takes off those that it has looked at.
void Runs::begin_ready(EntryPtr const& entry, std::size_t most, std::size_t& left)
{
    std::vector<std::size_t> starting;
    auto const start = [&] {
        if (!starting.empty())
            asio::co_spawn(house_.loop, start_hosts(entry, std::exchange(starting, {})), asio::detached);
    };
    // The gate is asked about a host when the one before has taken its place under the cap.
    bool const is_capped = house_.gate.is_capped(entry->run.run().spec.ins.ins);
    for (std::size_t begun = 0; begun < most && left > 0; --left) {
        auto const place = entry->run.take_ready();
        if (!place) break;
        auto const& host = entry->run.host(*place);
        if (!key_allows(entry->run.run(), host.ip)) {
            entry->run.set_ready(*place);
            pause_for(entry, RunWhy::key);
            break;
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
        starting.push_back(*place);
        if (is_capped) start();
    }
    start();
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
    if (auto const app = deployed_app(ins); app && !key->may_use(*app)) return false;
    return role_may(key->role, Right::operate) && key->may_touch(host) && key->may_run(ins) &&
           (ins.proxy.empty() || key->may_choose_files());
}

/// From here on the host counts as open, before its coroutine has begun.
void Runs::open(EntryPtr const& entry, std::size_t place)
{
    auto const task = house_.engine.next_id();
    entry->run.set_open(place, task);
    by_task_.emplace(task, entry);
}

TaskEngine::Order Runs::order_for(FleetRun const& run, std::size_t place) const
{
    TaskEngine::Order order;
    order.id = *run.hosts[place].task;
    order.agent = run.hosts[place].ip;
    order.ins = run.spec.ins.ins;
    order.by = run.by;
    order.from = run.from;
    order.run = run.id;
    order.audit_write = [id = run.id, place, task = order.id](
                            Db& db) { run_records::claim(db, id, place, task); };
    return order;
}

/// They are open. Their tasks are recorded in one transaction.
asio::awaitable<void> Runs::start_hosts(EntryPtr entry, std::vector<std::size_t> places)
{
    std::vector<TaskEngine::Order> orders;
    for (auto const place : places) orders.push_back(order_for(entry->run.run(), place));
    std::vector<TaskEngine::Sent> sent;
    std::optional<Error> refused;
    try {
        sent = co_await house_.engine.send_all(std::move(orders));
    } catch (Error const& error) {
        refused = error;
    } catch (std::exception const& problem) {
        refused = Error(codes::internal, problem.what());
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
        auto const& error = refused ? refused : sent[i].refused;
        if (error) {
            not_recorded(entry, places[i], *error);
        } else if (sent[i].ended) {
            host_ended(entry, places[i], *sent[i].ended);
        }
    }
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

} // namespace elves
