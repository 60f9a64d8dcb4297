#include "local_task_engine.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "elves/assert.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "task_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds retry_pause = 5s;
constexpr std::chrono::milliseconds first_write_pause = 1s;
constexpr std::chrono::milliseconds longest_write_pause = 30s;
constexpr std::chrono::milliseconds shortest_pause = 1s;

bool is_at_agent(Task const& task)
{
    return task.status == TaskStatus::sent || task.status == TaskStatus::running;
}

} // namespace

LocalTaskEngine::LocalTaskEngine(LoopExecutor loop, Store& store, Clock& clock, Zone zone, Presence& presence,
    AppDirectory const& apps, Quotas const* quotas)
    : loop_(loop)
    , store_(store)
    , clock_(clock)
    , presence_(presence)
    , apps_(apps)
    , quotas_(quotas)
    , registry_(quotas)
    , daily_bytes_(store, clock)
    , limits_(registry_, daily_bytes_, quotas)
    , transitions_(loop, store, clock, registry_, daily_bytes_)
    , agents_(loop, clock, zone, presence, quotas)
{
    transitions_.listen(
        {[this](OpenTask& open) { on_changed(open); }, [this](OpenTask& open) { on_persisted(open); },
            [this](Task const& task) {
                if (gate_) gate_->ended(task.id);
                for (auto const& then : on_finished_) then(task);
            }});
    presence_.on_link([this](Ip const& agent) { spawn(resume_tasks(agent), TaskId()); });
}

void LocalTaskEngine::start()
{
    ids_.continue_after(transitions_.load());
    daily_bytes_.load();
    for (auto const id : registry_.all()) set_timer(*registry_.find(id));
}

void LocalTaskEngine::stop()
{
    is_stopping_ = true;
    for (auto const id : registry_.all()) {
        auto const open = registry_.find(id);
        open->timer.stop();
        answer_all(open->result_waiters, End::stopping);
    }
    transitions_.flush();
    daily_bytes_.flush();
}

void LocalTaskEngine::require_processor(Instruction const& ins) const
{
    if (ins.mode == Mode::p && !apps_.callback(ins.app)) {
        throw Error(codes::no_app,
            "app " + ins.app +
                " has no callback address, and `ins.mode` is P; supervisor.setapp gives it one");
    }
}

Task const* LocalTaskEngine::open(TaskId id) const
{
    auto const open = registry_.find(id);
    return open && is_open(open->task) ? &open->task : nullptr;
}

asio::awaitable<bool> LocalTaskEngine::apply_until_written(TaskId id, life::Event event)
{
    for (auto wait = first_write_pause;; wait = std::min(wait * 2, longest_write_pause)) {
        try {
            co_await transitions_.apply(id, event);
            co_return true;
        } catch (Error const& error) {
            if (error.code() == codes::no_task || is_stopping_) co_return false;
            ELVES_LOG(warning, "task.not_written task=" << id.text() << " error=" << error.info());
        }
        co_await pause(clock_, wait);
    }
}

void LocalTaskEngine::log_not_written(TaskId id, std::exception_ptr const& failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (std::exception const& problem) {
        ELVES_LOG(warning, "task.not_written task=" << id.text() << " error=" << problem.what());
    }
}

asio::awaitable<void> LocalTaskEngine::report(TaskId id, WorkerReport report)
{
    auto const open = registry_.find(id);
    if (open && ask_instead(open, report)) co_return;
    life::Event event = life::Reported{std::move(report)};
    co_await transitions_.apply(id, std::move(event));
}

void LocalTaskEngine::report(
    TaskId id, WorkerReport report, std::function<void(std::exception_ptr const&)> then)
{
    auto const open = registry_.find(id);
    ELVES_ASSERT(open, "a result of a task that is not open");
    if (ask_instead(open, report)) return then(nullptr);
    transitions_.apply(open, life::Reported{std::move(report)})
        .then([then = std::move(then)](
                  std::exception_ptr const& failure, life::Decision const&) { then(failure); });
}

/// That it never started may be about an earlier hand-over, and have been overtaken by a later one: what the
/// agent answers to a question is about all that came to it before. False where no question is needed.
bool LocalTaskEngine::ask_instead(OpenTaskPtr const& open, WorkerReport const& report)
{
    if (!report.not_started || is_final(open->task.status)) return false;
    std::vector<OpenTaskPtr> one{open};
    spawn(ask_about(open->task.agent, std::move(one)), open->task.id);
    return true;
}

asio::awaitable<void> LocalTaskEngine::report_canceled(TaskId id, WorkerReport report)
{
    life::Event cancel_event = life::Cancel{};
    co_await transitions_.apply(id, std::move(cancel_event));
    life::Event event = life::Reported{std::move(report)};
    co_await transitions_.apply(id, std::move(event));
}

void LocalTaskEngine::set_queued(TaskId id, bool is_queued)
{
    auto const open = registry_.find(id);
    if (open)
        static_cast<void>(transitions_.stage(open, life::ReportedRunning{is_queued, open->task.handover}));
}

asio::awaitable<Task> LocalTaskEngine::cancel(TaskId id, AuditWrite audit_write)
{
    life::Event cancel_event = life::Cancel{};
    auto const decision = co_await transitions_.apply(id, std::move(cancel_event), std::move(audit_write));
    if (decision.changed && decision.task.cancel_due) spawn(tell_cancel(decision.task.agent, id), id);
    co_return decision.task;
}

asio::awaitable<std::size_t> LocalTaskEngine::end_all(std::string key)
{
    constexpr std::size_t at_once = 64; // They share a commit.
    std::function<std::vector<TaskId>(Db&)> work = [key](Db& db) { return task_records::open_by(db, key); };
    auto const ids = co_await store_.read<std::vector<TaskId>>(std::move(work));
    for (std::size_t first = 0; first < ids.size(); first += at_once) {
        std::vector<OneShot<bool>> begun;
        for (auto i = first; i < std::min(first + at_once, ids.size()); ++i) {
            asio::co_spawn(loop_, cancel_for_key(ids[i], begun.emplace_back()), asio::detached);
        }
        for (auto& one : begun) {
            bool const is_ended = co_await one.wait(clock_);
            if (!is_ended)
                throw Error(codes::store_cannot_write,
                    "not all tasks of key " + key + " could be canceled; call it again");
        }
    }
    co_return ids.size();
}

asio::awaitable<void> LocalTaskEngine::cancel_for_key(TaskId id, OneShot<bool> over)
{
    bool is_ended = false;
    try {
        co_await cancel(id, {});
        is_ended = true;
    } catch (Error const& error) {
        is_ended = error.code() == codes::no_task;
        ELVES_LOG(warning, "task.cancel_failed task=" << id.text() << " error=" << error.info());
    }
    over.set(is_ended);
}

asio::awaitable<void> LocalTaskEngine::tell_cancel(Ip agent, TaskId id)
{
    bool const is_known = co_await agents_.cancel(agent, id);
    if (is_known) {
        life::Event acknowledged = life::CancelAcknowledged{};
        co_await transitions_.apply(id, std::move(acknowledged));
    }
}

void LocalTaskEngine::on_changed(OpenTask& open)
{
    if (gate_) tell_gate(open);
    answer_waiters(open);
    bool const is_over = !is_open(open.task);
    if (is_over) {
        open.timer.stop();
    } else {
        set_timer(open);
    }
    if (is_over && open.flow && open.flow->is_paused()) {
        // A worker has become free there.
        open.flow->resume();
        hand_over_next(open.task.agent);
    } else if (open.task.status == TaskStatus::waiting && !open.is_being_sent) {
        hand_over_next(open.task.agent);
    }
}

void LocalTaskEngine::on_persisted(OpenTask& open)
{
    if (std::exchange(open.confirm_due, false)) agents_.confirm(open.task.agent, open.task.id);
}

life::Due LocalTaskEngine::due(OpenTask const& open, bool is_online) const
{
    auto const now = clock_.steady();
    auto const left = [&](Clock::Steady deadline) {
        return std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    };
    life::Spans const spans{
        transitions_.lost_after(), left(open.start_deadline), left(open.silence_deadline), is_online};
    return life::due(open.task, spans);
}

/// For what is due where the agent is online. It may fire too early, and then looks again.
void LocalTaskEngine::set_timer(OpenTask& open)
{
    if (is_stopping_) return;
    auto const next = due(open, true);
    auto const delay = next.action == life::Action::none ? next.again_in : 0ms;
    auto const at = clock_.steady() + delay;
    if (open.timer.running() && open.timer_at <= at) return;
    open.timer_at = at;
    open.timer = clock_.after(delay, [this, id = open.task.id] { spawn(do_what_is_due(id), id); });
}

asio::awaitable<void> LocalTaskEngine::do_what_is_due(TaskId id)
{
    auto const open = registry_.find(id);
    if (!open || !is_open(open->task)) co_return;
    open->timer.stop();
    auto const agent = open->task.agent;
    auto const [action, again_in] = due(*open, presence_.link(agent) != nullptr);
    switch (action) {
    case life::Action::none:
        break;
    case life::Action::end_waiting: {
        life::Event timed_out = life::StartTimedOut{};
        co_await transitions_.apply(id, std::move(timed_out));
        break;
    }
    case life::Action::ask_agent: {
        std::vector<OpenTaskPtr> one{open};
        co_await ask_about(agent, std::move(one));
        break;
    }
    case life::Action::tell_cancel:
        co_await tell_cancel(agent, id);
        break;
    case life::Action::give_up: {
        life::Event gone = life::AgentUnreachable{
            "the agent did not come back within the task's timeout plus tasklog.lost_after",
            open->task.handover};
        co_await transitions_.apply(id, std::move(gone));
        break;
    }
    }
    if (!is_open(open->task) || open->timer.running() || is_stopping_) co_return;
    open->timer_at = clock_.steady() + again_in;
    open->timer = clock_.after(again_in, [this, id] { spawn(do_what_is_due(id), id); });
}

/// A new link: what the agent is thought to have is asked about, and what waits for it is handed over.
asio::awaitable<void> LocalTaskEngine::resume_tasks(Ip agent)
{
    std::vector<OpenTaskPtr> asked;
    auto const* const link = presence_.link(agent).get();
    if (!link) co_return;
    for (auto const id : registry_.of_agent(agent)) {
        auto const open = registry_.find(id);
        if (open->in_flight == link || open->is_ready || open->is_being_written) continue;
        if (open->task.cancel_due) {
            spawn(tell_cancel(agent, id), id);
        } else if (is_at_agent(open->task)) {
            asked.push_back(open);
        }
    }
    flows_[agent].resume();
    hand_over_next(agent);
    if (!asked.empty()) co_await ask_about(agent, std::move(asked));
}

asio::awaitable<void> LocalTaskEngine::ask_about(Ip agent, std::vector<OpenTaskPtr> tasks)
{
    auto const span = std::max<std::chrono::milliseconds>(transitions_.lost_after(), shortest_pause);
    AgentCalls::Question question;
    question.start_by = clock_.now() + span;
    for (auto const& open : tasks)
        question.items.push_back({open->task.id, open->task.sent, open->task.handover});
    auto const items = question.items;
    auto const asked_at = clock_.steady();
    auto const start_by = question.start_by;
    auto events = co_await agents_.ask(agent, std::move(question), timeouts_.handover);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        auto const& open = tasks[i];
        // Handed over once more meanwhile: the answer is about the time before.
        if (!events[i] || open->task.handover != items[i].handover || open->is_being_written) continue;
        if (std::holds_alternative<life::ReportedRunning>(*events[i])) {
            open->silence_deadline = std::max(open->silence_deadline, asked_at + span);
            if (open->task.type != TaskType::rt) open->task.start_by = start_by;
            if (transitions_.stage(open, *events[i])) continue;
        }
        spawn(apply_and_confirm(open, std::move(*events[i])), open->task.id);
    }
}

asio::awaitable<void> LocalTaskEngine::apply_and_confirm(OpenTaskPtr open, life::Event event)
{
    bool const is_result = std::holds_alternative<life::Reported>(event);
    open->is_being_written = true;
    bool const is_written = co_await apply_until_written(open->task.id, std::move(event));
    open->is_being_written = false;
    if (is_result && is_written) agents_.confirm(open->task.agent, open->task.id);
}

asio::awaitable<std::vector<std::optional<TaskEngine::LastRun>>> LocalTaskEngine::last_runs(
    std::vector<TaskId> crons)
{
    using Runs = std::vector<std::optional<LastRun>>;
    std::function<Runs(Db&)> work = [crons = std::move(crons)](Db& db) {
        Runs runs;
        for (auto const cron : crons) runs.push_back(task_records::last_run(db, cron));
        return runs;
    };
    co_return co_await store_.read<Runs>(std::move(work));
}

void LocalTaskEngine::add_usage(std::string_view key, KeyUsage& usage) const
{
    usage.bytes_today += daily_bytes_.today(key);
    auto const holdings = registry_.holdings(key, Ip());
    usage.waiting_tasks += static_cast<std::int64_t>(holdings.tasks);
    usage.waiting_bytes += static_cast<std::int64_t>(holdings.bytes);
}

void LocalTaskEngine::add_holders(std::set<std::string>& keys) const
{
    registry_.add_holders(keys);
    daily_bytes_.add_holders(keys);
}

void LocalTaskEngine::spawn(asio::awaitable<void> work, TaskId id)
{
    asio::co_spawn(loop_, std::move(work), [this, id](std::exception_ptr const& failure) {
        if (!failure) return;
        log_not_written(id, failure);
        // The disk may take it again later; the agent keeps its result until it is confirmed.
        auto const open = registry_.find(id);
        if (!open || !is_open(open->task) || is_stopping_) return;
        open->timer_at = clock_.steady() + retry_pause;
        open->timer = clock_.after(retry_pause, [this, id] { spawn(do_what_is_due(id), id); });
    });
}

} // namespace elves
