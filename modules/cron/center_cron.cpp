#include "center_cron.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "elves/log.hpp"
#include "elves/one_shot.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

/// Firings that are begun before the loop does something else.
constexpr std::size_t turn_limit = 500;
/// Records on their way, and firings held up, before no more are begun: the jobs wait in the queue.
constexpr std::size_t waiting_limit = 1'000;
/// An agent that has just come reports what ended meanwhile first.
constexpr std::chrono::milliseconds report_time = 2s;
/// A run that makes up for missed times waits so long for an agent that is away: it may take the agent
/// `offline_after` to notice that the server was gone, and its longest backoff to come back.
constexpr std::chrono::milliseconds return_time = 120s;
constexpr std::chrono::milliseconds rewind_retry = 1s;
/// By how much the clock has to jump ahead before the log says so.
constexpr std::chrono::milliseconds worth_a_line = 10s;

} // namespace

CenterCron::CenterCron(
    CronJobs& jobs, TaskEngine& engine, Presence& presence, Clock& clock, Zone zone, LoopExecutor loop)
    : jobs_(jobs), engine_(engine), presence_(presence), clock_(clock), zone_(zone), loop_(std::move(loop))
{
}

void CenterCron::start()
{
    running_ = true;
    auto const now = clock_.now();
    static_cast<void>(watch_.look(now, clock_.steady()));
    for (auto const id : engine_.open_all()) {
        auto const* task = engine_.open(id);
        if (!task || !task->cron_id || !task->fire_time || is_final(task->status)) continue;
        auto& last = runs_[*task->cron_id].last;
        if (!last || last->first < *task->fire_time) last = {*task->fire_time, id};
    }
    bool is_ahead = false;
    for (auto const& [id, job] : jobs_.all()) {
        if (!is_fired_here(job)) continue;
        is_ahead = is_ahead || job.settled > now;
        resume(job, now);
        if (job.owed) owe(job);
    }
    presence_.on_link([this](Ip const& agent) { agent_came(agent); });
    // It was set back while the server was down.
    if (is_ahead) set_back(now);
    arm();
}

void CenterCron::stop()
{
    running_ = false;
    timer_.stop();
    held_.clear();
    debts_.clear();
}

/// A job of an agent is fired here only for the record: nothing of it runs, and nothing is owed for it.
cron_life::Job CenterCron::life(CronJob const& job) const
{
    auto view = life_of(job, zone_);
    if (job.type == CronType::self) view.misfire = Misfire::skip;
    if (job.type == CronType::self) view.overlap = Overlap::allow;
    return view;
}

void CenterCron::resume(CronJob const& job, Instant absent_until)
{
    auto& entry = entries_[job.id] = Entry{};
    entry.era = ++last_number_;
    entry.rule_era = entry.era;
    entry.state = cron_life::resume(life(job), job.settled, job.owed, absent_until);
    enqueue(job.id, job, entry);
}

void CenterCron::changed(TaskId id)
{
    auto const* job = jobs_.find(id);
    if (!job) runs_.erase(id);
    if (!job || !is_fired_here(*job)) {
        queue_.erase(id);
        entries_.erase(id);
        return;
    }
    find_runs(*job);
    resume(*job, {});
    if (running_) arm();
}

std::optional<Instant> CenterCron::next_time(TaskId id) const
{
    auto const found = entries_.find(id);
    return found == entries_.end() ? std::nullopt : found->second.state.next;
}

void CenterCron::enqueue(TaskId id, CronJob const& job, Entry const& entry)
{
    queue_.set(id, cron_life::deadline(life(job), entry.state));
}

void CenterCron::arm()
{
    if (!running_) return;
    auto wait = cron_life::longest_wait;
    if (auto const next = queue_.next())
        wait = std::clamp(*next - clock_.now(), std::chrono::milliseconds(0), cron_life::longest_wait);
    timer_ = clock_.after(wait, [this] { turn(); });
}

bool CenterCron::is_full() const { return recording_ + held_.size() >= waiting_limit; }

void CenterCron::turn()
{
    if (!running_) return;
    timer_.stop();
    look_at_clock(clock_.now());
    for (std::size_t begun = 0; begun < turn_limit;) {
        is_waiting_ = is_full() || is_rewinding_;
        if (is_waiting_) { // Until one of them has ended.
            timer_ = clock_.after(cron_life::longest_wait, [this] { turn(); });
            return;
        }
        auto const now = clock_.now();
        auto const due = queue_.take(now, 100);
        if (due.empty()) return arm();
        for (auto const id : due) step(id, now);
        begun += due.size();
    }
    asio::post(loop_, [this] { turn(); });
}

void CenterCron::look_at_clock(Instant now)
{
    auto const moved = watch_.look(now, clock_.steady());
    if (moved < 0ms) set_back(now);
    if (moved < worth_a_line) return;
    ELVES_LOG(
        warning, "cron.clock_jumped_ahead seconds=" << std::chrono::floor<std::chrono::seconds>(moved).count()
                                                    << ": the clock was set, or the machine was suspended");
}

/// Jobs fire again from `now` on. Marks on disk that are ahead go back before anything else is recorded, or a
/// firing would be taken for one that is accounted for.
void CenterCron::set_back(Instant now)
{
    std::size_t ahead = 0;
    Instant latest = now;
    for (auto& [id, entry] : entries_) {
        auto const* job = jobs_.find(id);
        if (!job || entry.state.accounted <= now) continue;
        ++ahead;
        latest = std::max(latest, entry.state.accounted);
        entry.state = cron_life::set_back(life(*job), entry.state, now);
        entry.era = ++last_number_;
        entry.held = 0;
        entry.behind = false;
        enqueue(id, *job, entry);
    }
    ELVES_LOG(warning, "cron.clock_set_back jobs=" << ahead << " now=" << iso_text(now) << " accounted_until="
                                                   << iso_text(latest) << ": they fire again from now on");
    if (ahead == 0 || std::exchange(is_rewinding_, true)) return;
    asio::co_spawn(loop_, rewind_marks(now), [this](std::exception_ptr) {
        is_rewinding_ = false;
        if (running_) turn();
    });
}

asio::awaitable<void> CenterCron::rewind_marks(Instant now)
{
    while (running_) {
        std::string failure;
        try {
            co_await jobs_.rewind(now);
            co_return;
        } catch (std::exception const& error) {
            failure = error.what();
        }
        ELVES_LOG(warning, "cron.marks_not_written retry=1s: " << failure);
        co_await pause(clock_, rewind_retry);
    }
}

void CenterCron::step(TaskId id, Instant now)
{
    auto const found = entries_.find(id);
    auto const* job = jobs_.find(id);
    if (found == entries_.end() || !job) return;
    auto& entry = found->second;
    if (entry.held > 0) {
        entry.behind = true; // In the queue again when they are recorded.
        return;
    }
    auto const view = life(*job);
    bool const asks = view.overlap == Overlap::skip;
    auto const decision = cron_life::decide(view, entry.state, now, asks && is_running(id));
    carry_out_action(*job, entry, decision);
    enqueue(id, *job, entry);
}

void CenterCron::carry_out_action(CronJob const& job, Entry& entry, cron_life::Decision const& decision)
{
    Firing firing;
    firing.cron_id = job.id;
    firing.era = entry.era;
    firing.from = entry.state.accounted;
    firing.to = decision.state.accounted;
    entry.state = decision.state;
    if (std::holds_alternative<cron_life::Wait>(decision.action)) return;
    if (auto const* due = std::get_if<cron_life::Run>(&decision.action)) {
        firing.fire_time = due->fire_time;
        if (job.type == CronType::self) firing.skipped = "skipped: the agent refuses the job: " + job.refused;
    } else if (auto const* skip = std::get_if<cron_life::Skip>(&decision.action)) {
        firing.fire_time = skip->fire_time;
        firing.skipped = still_going_on(job.id);
    } else if (auto const* missed = std::get_if<cron_life::Missed>(&decision.action)) {
        firing.fire_time = missed->times.first;
        firing.skipped = cron_life::missed_text(*missed, zone_of(job), "server");
        if (job.type == CronType::self) firing.skipped += "; the agent refuses the job: " + job.refused;
        if (missed->makes_up) firing.owed = missed->times.last;
    }
    begin(std::move(firing));
}

void CenterCron::owe(CronJob const& job)
{
    auto const [found, is_new] = debts_.try_emplace(job.agent);
    auto& debts = found->second;
    debts.jobs.insert(job.id);
    if (is_new) debts.give_up = clock_.steady() + return_time;
    if (debts.timer.running()) return;
    auto const wait = presence_.link(job.agent) ? report_time : return_time;
    debts.timer = clock_.after(wait, [this, agent = job.agent] { pay(agent); });
}

void CenterCron::agent_came(Ip const& agent)
{
    auto const found = debts_.find(agent);
    if (!running_ || found == debts_.end()) return;
    found->second.timer = clock_.after(report_time, [this, agent] { pay(agent); });
}

void CenterCron::pay(Ip agent)
{
    auto const found = debts_.find(agent);
    if (!running_ || found == debts_.end()) return;
    auto& debts = found->second;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(debts.give_up - clock_.steady());
    bool const is_away = !presence_.link(agent) && left > 0ms;
    if (is_away || is_full() || is_rewinding_) {
        debts.timer = clock_.after(is_away ? left : report_time, [this, agent] { pay(agent); });
        return;
    }
    auto const jobs = std::move(debts.jobs);
    debts_.erase(found);
    for (auto const id : jobs) make_up(id);
}

void CenterCron::make_up(TaskId id)
{
    auto const found = entries_.find(id);
    auto const* job = jobs_.find(id);
    if (found == entries_.end() || !job) return;
    auto& entry = found->second;
    auto const decision = cron_life::make_up(life(*job), entry.state, is_running(id));
    if (std::holds_alternative<cron_life::Wait>(decision.action)) return;
    Firing firing;
    firing.cron_id = id;
    firing.era = entry.era;
    firing.mark = Mark::pays_debt;
    firing.fire_time = *entry.state.owed;
    if (std::holds_alternative<cron_life::Skip>(decision.action)) firing.skipped = still_going_on(id);
    entry.state = decision.state;
    begin(std::move(firing));
}

void CenterCron::find_runs(CronJob const& job)
{
    for (auto const task_id : engine_.open_of(job.agent)) {
        auto const* task = engine_.open(task_id);
        if (!task || task->cron_id != job.id || !task->fire_time || is_final(task->status)) continue;
        auto& last = runs_[job.id].last;
        if (!last || last->first < *task->fire_time) last = {*task->fire_time, task_id};
    }
}

std::optional<std::pair<Instant, TaskId>> CenterCron::unfinished(TaskId id)
{
    auto const found = runs_.find(id);
    if (found == runs_.end()) return std::nullopt;
    // One that is starting is not back yet from the engine, but perhaps open there.
    if (auto const* job = jobs_.find(id); job && found->second.starting > 0) find_runs(*job);
    auto& runs = found->second;
    if (!runs.last) return std::nullopt;
    auto const* task = engine_.open(runs.last->second);
    if (task && !is_final(task->status)) return runs.last;
    runs.last.reset();
    if (runs.starting == 0) runs_.erase(found);
    return std::nullopt;
}

bool CenterCron::is_running(TaskId id)
{
    if (unfinished(id)) return true;
    auto const found = runs_.find(id);
    return found != runs_.end() && found->second.starting > 0;
}

std::string CenterCron::still_going_on(TaskId id)
{
    if (auto const last = unfinished(id)) {
        auto const* job = jobs_.find(id);
        return "skipped: the run of " + (job ? zone_of(*job) : zone_).text(last->first) + " (task " +
               last->second.text() + ") is still going on";
    }
    return "skipped: its last run is still starting";
}

} // namespace elves
