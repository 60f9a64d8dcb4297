#include "sim/run_watch.hpp"

#include <algorithm>

namespace elves::sim {

namespace {

constexpr auto change_table =
    "CREATE TEMP TABLE run_change (n INTEGER PRIMARY KEY, kind TEXT, id TEXT, agent TEXT, param TEXT);\n";

std::string run_trigger(std::string const& event, std::string const& values)
{
    return "CREATE TEMP TRIGGER \"runs: " + event + "\" AFTER " + event +
           " BEGIN INSERT INTO run_change (kind, id, agent, param) " + values + "; END;\n";
}

std::string triggers()
{
    return change_table + run_trigger("INSERT ON main.run", "VALUES ('run', NEW.id, '', '')") +
           run_trigger("UPDATE ON main.run", "VALUES ('run', NEW.id, '', '')") +
           run_trigger("DELETE ON main.run", "VALUES ('run', OLD.id, '', '')") +
           run_trigger("UPDATE ON main.run_host", "VALUES ('run', NEW.run, '', '')") +
           run_trigger("DELETE ON main.run_host", "VALUES ('run', OLD.run, '', '')") +
           run_trigger("INSERT ON main.task_requests",
               "SELECT 'task', printf('%016X', coalesce(NEW.own_id, NEW.key)), NEW.agent, "
               "iif(NEW.param GLOB 'run *', NEW.param, 'of run ' || NEW.run) "
               "WHERE NEW.param GLOB 'run *' OR NEW.param GLOB 'schedule *'");
}

constexpr std::string_view select_head =
    "SELECT state, hosts, spec, why, schedule IS NOT NULL FROM run WHERE id = ?1";
/// As the trigger has them.
constexpr std::string_view select_tasks =
    "SELECT printf('%016X', coalesce(own_id, key)), agent, iif(param GLOB 'run *', param, 'of run ' || run) "
    "FROM task_requests WHERE param GLOB 'run *' OR param GLOB 'schedule *'";
constexpr std::string_view select_hosts =
    "SELECT ip, wave, task, coalesce(state, '') FROM run_host WHERE run = ?1 ORDER BY place";

bool is_failure(TaskStatus status, bool silent_fails)
{
    if (status == TaskStatus::failed || status == TaskStatus::timeout || status == TaskStatus::lost)
        return true;
    return silent_fails && (status == TaskStatus::undelivered || status == TaskStatus::expired);
}

Sight sight_of(RunState end)
{
    auto const past_done = static_cast<int>(end) - static_cast<int>(RunState::done);
    return static_cast<Sight>(static_cast<int>(Sight::run_done) + past_done);
}
static_assert(static_cast<int>(Sight::run_expired) - static_cast<int>(Sight::run_done) ==
              static_cast<int>(RunState::expired) - static_cast<int>(RunState::done));

std::string listed(std::vector<RunWatch::Host> const& hosts)
{
    std::string text;
    for (auto const& host : hosts) text += " " + host.ip + "/" + std::to_string(host.wave + 1);
    return text;
}

} // namespace

void RunWatch::broken(std::string invariant, TaskId run, std::string const& what)
{
    invariants_.broken(std::move(invariant), "run " + run.text() + ": " + what);
}

void RunWatch::begin(Db& db)
{
    watching_ = true;
    db.script(triggers());
    // A commit that was in doubt when the server went may be on disk: it was seen by nobody.
    std::vector<TaskId> all;
    {
        auto row = db.run("SELECT id FROM run");
        while (row.next()) all.push_back(TaskId::parse(row.text(0)).value());
    }
    {
        auto row = db.run(select_tasks);
        while (row.next())
            see_task(TaskId::parse(row.text(0)).value(), std::string(row.text(1)), std::string(row.text(2)));
    }
    if (!open_.empty()) nature_.tally.see(Sight::run_taken_up);
    for (auto const id : all) read(db, id);
    check(db);
}

void RunWatch::take(Db& db)
{
    if (!watching_) return;
    made_.clear();
    std::set<TaskId> changed;
    bool is_any = false;
    {
        auto row = db.run("SELECT kind, id, agent, param FROM run_change ORDER BY n");
        while (row.next()) {
            is_any = true;
            auto const id = TaskId::parse(row.text(1)).value();
            if (row.text(0) == "run") {
                changed.insert(id);
            } else {
                see_task(id, std::string(row.text(2)), std::string(row.text(3)));
            }
        }
    }
    for (auto const id : changed) read(db, id);
    if (is_any) db.run("DELETE FROM run_change").execute();
}

/// Whoever made it: for one host there is one task of each run.
void RunWatch::see_task(TaskId task, std::string const& agent, std::string const& param)
{
    auto const [place, is_first] = tasks_.try_emplace({agent, param}, task);
    if (!is_first && place->second != task)
        invariants_.broken("run-once", "host " + agent + " has the tasks " + place->second.text() + " and " +
                                           task.text() + " of \"" + param + "\"");
}

void RunWatch::read(Db& db, TaskId id)
{
    auto const text = id.text();
    Known now;
    std::size_t count = 0;
    {
        auto head = db.run(select_head);
        head.bind(1, text);
        if (!head.next()) return broken("run-frozen", id, "it is erased");
        now.state = parse_run_state(head.text(0)).value();
        count = static_cast<std::size_t>(head.number(1));
        auto const spec = json::parse(std::string(head.text(2)));
        now.param = std::string(spec.as_object().at("ins").as_object().at("param").as_string());
        now.why = parse_run_why(head.text(3)).value();
        now.is_firing = head.number(4) == 1;
    }
    auto row = db.run(select_hosts);
    row.bind(1, text);
    while (row.next()) {
        Host host{std::string(row.text(0)), static_cast<std::size_t>(row.number(1))};
        if (!row.is_null(2)) host.task = TaskId::parse(row.text(2)).value();
        host.outcome = row.text(3);
        now.hosts.push_back(std::move(host));
    }
    if (now.hosts.size() != count)
        broken("run-frozen", id,
            "it has " + std::to_string(now.hosts.size()) + " hosts on disk, and says " +
                std::to_string(count));
    auto const known = runs_.find(id);
    if (known == runs_.end()) return see_new(id, std::move(now));
    see_again(id, known->second, std::move(now));
}

void RunWatch::see_new(TaskId id, Known known)
{
    auto const ask = asks_.find(known.param);
    if (ask == asks_.end()) return broken("run-frozen", id, "nobody asked for \"" + known.param + "\"");
    known.ask = ask->second;
    known.max_fail = known.ask.max_fail_of(known.hosts.size());
    known.created = nature_.time.now();
    if (auto const* const old = known.ask.retry_of ? find(*known.ask.retry_of) : nullptr) {
        nature_.tally.see(Sight::run_retried);
        for (auto const& host : known.hosts) {
            bool const was_there = std::any_of(
                old->hosts.begin(), old->hosts.end(), [&](auto const& one) { return one.ip == host.ip; });
            if (!was_there) broken("run-frozen", id, host.ip + " was no host of the run that it retries");
        }
    }
    ELVES_SIM_TRACE(nature_.trace, "run " << id.text() << " (" << known.param
                                          << ") is on disk:" << listed(known.hosts) << ", parallel "
                                          << known.ask.parallel << ", max_fail " << known.max_fail
                                          << (known.ask.is_strict ? ", strict" : ""));
    if (!known.is_firing) made_.insert(id);
    open_.insert(id);
    auto& kept = runs_.emplace(id, std::move(known)).first->second;
    for (std::size_t place = 0; place < kept.hosts.size(); ++place) {
        if (kept.hosts[place].task) claim(id, kept.hosts[place], place);
    }
    see_state(id, kept);
}

void RunWatch::see_again(TaskId id, Known& known, Known&& now)
{
    bool const is_same_list = std::equal(known.hosts.begin(), known.hosts.end(), now.hosts.begin(),
        now.hosts.end(), [](Host const& a, Host const& b) { return a.ip == b.ip && a.wave == b.wave; });
    if (!is_same_list)
        return broken("run-frozen", id, "its list was" + listed(known.hosts) + " and is" + listed(now.hosts));
    bool const was_final = is_final(known.state);
    for (std::size_t place = 0; place < known.hosts.size(); ++place) {
        auto const& before = known.hosts[place];
        auto const& host = now.hosts[place];
        if (before.task && host.task != before.task)
            broken("run-once", id,
                "host " + host.ip + " had the task " + before.task->text() + " and has " +
                    (host.task ? host.task->text() : "none"));
        if (was_final && host != before)
            broken("run-sum", id, "it has ended, and its host " + host.ip + " changes");
        if (!before.task && host.task) claim(id, host, place);
    }
    bool const is_changed = known.state != now.state || known.why != now.why;
    if (was_final && is_changed)
        broken("run-ends", id,
            "it was " + std::string(state_text(known.state)) + " and becomes " +
                std::string(state_text(now.state)));
    known.hosts = std::move(now.hosts);
    known.state = now.state;
    known.why = now.why;
    if (is_changed) see_state(id, known);
}

void RunWatch::see_state(TaskId id, Known const& known)
{
    ELVES_SIM_TRACE(nature_.trace,
        "run " << id.text() << " is " << state_text(known.state) << " " << why_text(known.why));
    auto& tally = nature_.tally;
    bool const has_run = known.state != RunState::skipped;
    if (is_final(known.state) && has_run) tally.see(sight_of(known.state));
    if (known.state == RunState::paused && known.why == RunWhy::max_fail) tally.see(Sight::run_max_fail);
    if (known.state == RunState::paused && known.why == RunWhy::wave) tally.see(Sight::run_wave);
    if (known.state == RunState::paused && known.why == RunWhy::person) tally.see(Sight::run_person);
}

void RunWatch::claim(TaskId id, Host const& host, std::size_t place)
{
    ELVES_SIM_TRACE(nature_.trace, "run " << id.text() << ": host " << host.ip << " of wave " << host.wave + 1
                                          << " has task " << host.task->text());
    auto const [known, is_first] = claims_.try_emplace(*host.task, Claim{id, place});
    if (!is_first)
        broken("run-once", id,
            "its task " + host.task->text() + " is also one of run " + known->second.run.text());
    if (runs_.at(id).is_held)
        broken("run-steered", id, "host " + host.ip + " starts, and a client was told that the run is held");
    new_claims_.push_back({id, place});
}

void RunWatch::check(Db& db)
{
    if (!watching_) return;
    for (auto const& each : std::exchange(new_claims_, {})) check_order(db, each);
    std::vector<TaskId> ended;
    for (auto const id : open_) {
        auto const& known = runs_.at(id);
        check_failures(db, id, known);
        check_states(db, id, known);
        if (is_final(known.state)) ended.push_back(id);
    }
    for (auto const id : ended) open_.erase(id);
}

/// As the log has it; what the log has and nobody saw it commit is looked for on the disk.
std::optional<TaskStatus> RunWatch::status_of(Db& db, TaskId task) const
{
    auto const facts = invariants_.facts().find(task);
    if (facts != invariants_.facts().end() && facts->second.log) return facts->second.log->status;
    auto const text = task.text();
    auto row = db.run("SELECT status FROM tasks WHERE id = ?1");
    row.bind(1, text);
    return row.next() ? parse_status(row.text(0)) : std::nullopt;
}

void RunWatch::check_order(Db& db, Claim const& claim)
{
    auto const& known = runs_.at(claim.run);
    auto const& started = known.hosts[claim.place];
    for (auto const& host : known.hosts) {
        if (host.wave >= started.wave) continue;
        auto const status = host.task ? status_of(db, *host.task) : std::nullopt;
        if (status && is_final(*status)) continue;
        broken("run-wave-order", claim.run,
            started.ip + " of wave " + std::to_string(started.wave + 1) + " starts, and " + host.ip +
                " of wave " + std::to_string(host.wave + 1) + " is " +
                (status ? std::string(status_text(*status)) : "held"));
    }
}

void RunWatch::check_failures(Db& db, TaskId id, Known const& known)
{
    std::size_t failures = 0;
    for (auto const& host : known.hosts) {
        auto const status = host.task ? status_of(db, *host.task) : std::nullopt;
        if (status && is_failure(*status, known.ask.silent_fails)) ++failures;
    }
    auto const most = known.max_fail + (known.ask.is_strict ? 1 : known.ask.parallel);
    if (failures > most)
        broken("run-max-fail", id,
            std::to_string(failures) + " hosts failed: max_fail is " + std::to_string(known.max_fail) +
                ", parallel " + std::to_string(known.ask.parallel) + (known.ask.is_strict ? ", strict" : ""));
}

/// The states add up to the list, and each is its task's.
void RunWatch::check_states(Db& db, TaskId id, Known const& known)
{
    bool const has_ended = is_final(known.state);
    std::size_t done = 0;
    for (auto const& host : known.hosts) {
        auto const status = host.task ? status_of(db, *host.task) : std::nullopt;
        if (host.task && !status)
            broken("run-sum", id, "task " + host.task->text() + " of host " + host.ip + " is not in the log");
        auto const state = status ? std::string(status_text(*status)) : "not_started";
        if (has_ended && host.outcome != state)
            broken("run-sum", id,
                "it has ended, its host " + host.ip + " is \"" + host.outcome + "\", and would be " + state);
        if (!has_ended && !host.outcome.empty())
            broken("run-sum", id, "it has not ended, and its host " + host.ip + " is " + host.outcome);
        if (has_ended && !host.task) nature_.tally.see(Sight::run_not_started);
        if (status == TaskStatus::done) ++done;
    }
    bool const is_all = done == known.hosts.size();
    if ((known.state == RunState::done && !is_all) || (known.state == RunState::partial && is_all))
        broken("run-sum", id,
            "it is " + std::string(state_text(known.state)) + ", and " + std::to_string(done) + " of its " +
                std::to_string(known.hosts.size()) + " hosts are done");
    bool const was_ended = known.state == RunState::stopped || known.state == RunState::canceled;
    if (has_ended && known.must_be_ended && !was_ended)
        broken("run-steered", id,
            "a client was told that it is stopped, and it became " + std::string(state_text(known.state)));
}

void RunWatch::at_rest()
{
    for (auto const id : open_) {
        auto const& known = runs_.at(id);
        broken("run-ends", id,
            "it is still " + std::string(state_text(known.state)) + " " + std::string(why_text(known.why)));
    }
}

void RunWatch::resuming(TaskId run, std::optional<std::size_t> max_fail)
{
    auto& known = runs_.at(run);
    known.max_fail = std::max(known.max_fail, max_fail.value_or(0));
    known.is_held = known.must_be_ended;
    ++known.resumes;
    ++known.open_resumes;
}

void RunWatch::resume_answered(TaskId run) { --runs_.at(run).open_resumes; }

int RunWatch::pausing(TaskId run) const
{
    auto const& known = runs_.at(run);
    // One that has no answer may take effect whenever.
    return known.open_resumes > 0 ? -1 : known.resumes;
}

void RunWatch::acknowledged_pause(TaskId run, int resumes)
{
    auto& known = runs_.at(run);
    known.is_held = known.is_held || resumes == known.resumes;
}

void RunWatch::acknowledged(std::string const& param, TaskId run, std::size_t count)
{
    auto const* const known = find(run);
    if (!known) return broken("acknowledged-known", run, "it was acknowledged and is not on disk");
    if (known->hosts.size() != count)
        broken("run-frozen", run,
            "it was acknowledged with " + std::to_string(count) + " hosts, and has " +
                std::to_string(known->hosts.size()));
    auto const [place, is_first] = acknowledged_.try_emplace(param, run);
    if (is_first) return;
    nature_.tally.see(Sight::run_again);
    if (place->second != run)
        broken("run-once", run, "with the same dedup it was run " + place->second.text());
}

void RunWatch::acknowledged_end(TaskId run)
{
    auto const known = runs_.find(run);
    if (known == runs_.end()) return broken("acknowledged-known", run, "it was steered and is not on disk");
    known->second.must_be_ended = true;
    known->second.is_held = true;
    bool const is_other_end = is_final(known->second.state) && known->second.state != RunState::stopped &&
                              known->second.state != RunState::canceled;
    if (is_other_end)
        broken("run-steered", run,
            "a client was told that it is stopped, and it is " +
                std::string(state_text(known->second.state)));
}

void RunWatch::shown_counts(TaskId run, std::size_t count, std::map<std::string, std::size_t> const& counts)
{
    auto const* const known = find(run);
    if (!known) return broken("acknowledged-known", run, "it was shown and is not on disk");
    std::size_t sum = 0;
    std::string all;
    for (auto const& [state, number] : counts) {
        sum += number;
        all += " " + state + " " + std::to_string(number);
    }
    if (sum != count || count != known->hosts.size())
        broken("run-sum", run,
            "its list has " + std::to_string(known->hosts.size()) + " hosts, it was shown with " +
                std::to_string(count) + ":" + all);
}

void RunWatch::shown_hosts(TaskId run, std::vector<std::pair<std::string, std::size_t>> const& hosts)
{
    auto const* const known = find(run);
    if (!known) return broken("acknowledged-known", run, "it was shown and is not on disk");
    bool const is_same = std::equal(known->hosts.begin(), known->hosts.end(), hosts.begin(), hosts.end(),
        [](Host const& a, auto const& b) { return a.ip == b.first && a.wave + 1 == b.second; });
    if (!is_same)
        broken("run-frozen", run, "its list is" + listed(known->hosts) + ", and another one was shown");
}

RunWatch::Known const* RunWatch::find(TaskId run) const
{
    auto const known = runs_.find(run);
    return known == runs_.end() ? nullptr : &known->second;
}

RunWatch::Known const* RunWatch::run_of(TaskId task) const
{
    auto const claimed = claims_.find(task);
    return claimed == claims_.end() ? nullptr : find(claimed->second.run);
}

} // namespace elves::sim
