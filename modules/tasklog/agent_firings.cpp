// Firings of the agents' own (`self`) cron jobs: what agents report of them.
#include <algorithm>

#include "elves/json_fields.hpp"
#include "elves/log.hpp"
#include "task_records.hpp"
#include "tasklog.hpp"

namespace elves {

namespace {

/// As many reports are known to have been added to another record.
constexpr std::size_t merged_limit = 4'096;

/// A firing that is not what its job runs goes to no processor: its agent may have made it up.
bool runs_the_same(Instruction const& job, Instruction const& firing)
{
    return job.app == firing.app && job.func == firing.func && job.mode == firing.mode;
}

/// Of a firing of the server's whose time its agent has started itself: it did not start, and never will. The
/// agent's journal has room for one start of a time.
bool has_not_started(Task const& task)
{
    if (task.report) return false;
    switch (task.status) {
    case TaskStatus::waiting:
    case TaskStatus::undelivered:
    case TaskStatus::expired:
        return true;
    case TaskStatus::failed:
    case TaskStatus::canceled:
        return task.sync_flag != true && !task.cancel_due;
    default:
        return false;
    }
}

/// It is with the agent, which has not said yet that it does not take it.
bool is_undecided(Task const& task)
{
    return task.cancel_due || (task.status == TaskStatus::sent && task.sync_flag != true);
}

/// The agent reports again in a moment.
Error still_undecided(Task const& task)
{
    return {codes::too_much,
        "task " + task.id.text() + " of the same time is being handed over to this agent; report it again"};
}

} // namespace

/// The task that a report is about, `running`. Throws Error 401.6, 403.10.
Task Tasklog::firing_of(AgentResult& in, Ip const& agent) const
{
    // A job that is gone by now may still have fired before: what has run is recorded.
    auto const job = engine_.cron_job(*in.cron_id);
    if (job && job->agent != agent)
        throw Error(codes::forbidden, "cron job " + in.cron_id->text() + " is not one of " + agent.text());
    auto& ins = in.ins->ins;
    if (!ins.dedup.empty())
        throw Error(
            codes::bad_field, field_is("ins.dedup", ins.dedup) +
                                  "; a firing is told apart by `cron_id` and `fire_time`: leave it out");
    Task task;
    task.id = in.id;
    task.agent = agent;
    task.type = TaskType::cron;
    task.ins = std::move(ins);
    if (!job || !runs_the_same(job->ins, task.ins)) task.ins.mode = Mode::np;
    task.status = TaskStatus::running;
    task.sync_flag = true;
    task.by = job ? job->by : "";
    task.from = agent.text();
    task.cron_id = in.cron_id;
    task.fire_time = recent_time_of("fire_time", *in.fire_time);
    task.start = in.starttime ? recent_time_of("starttime", *in.starttime) : *task.fire_time;
    task.sent = task.start;
    return task;
}

asio::awaitable<void> Tasklog::take_firing(AgentResult in, Ip agent, WorkerReport report)
{
    auto const id = in.id;
    // It came before, and its confirmation was lost.
    if (std::find(merged_.begin(), merged_.end(), id) != merged_.end()) co_return;
    auto task = firing_of(in, agent);
    life::Context const now{clock_.now(), {}, {}};
    auto const status = parse_status(in.status.value_or("")).value_or(TaskStatus::done);
    if (status == TaskStatus::skipped) {
        task.status = TaskStatus::skipped;
        task.sync_flag = false;
        task.sync_error = report.result;
        task.end = clock_.now();
    } else if (status != TaskStatus::running) {
        if (status == TaskStatus::canceled) task = life::decide(task, life::Cancel{}, now).task;
        task = life::decide(task, life::Reported{report}, now).task;
    }
    auto recorded = co_await engine_.record(task, {});
    if (!recorded.is_new && recorded.task.id != id && has_not_started(recorded.task)) {
        co_await yield_to(recorded.task, id);
        recorded = co_await engine_.record(std::move(task), {});
    }
    if (recorded.is_new && recorded.task.id != id) {
        merged_.push_back(id);
        if (merged_.size() > merged_limit) merged_.pop_front();
    }
    if (recorded.is_new) co_return;
    if (recorded.task.id != id) {
        if (is_undecided(recorded.task)) throw still_undecided(recorded.task);
        ELVES_LOG(warning, "cron.fired_twice job=" << in.cron_id->text() << " task=" << id.text()
                                                   << " agent=" << agent.text() << ": the log has task "
                                                   << recorded.task.id.text() << " for that time already");
        co_return;
    }
    if (recorded.task.agent != agent)
        throw Error(codes::forbidden, "task " + id.text() + " is not one of " + agent.text());
    // Its start was recorded while this was on its way.
    bool const has_result = status != TaskStatus::running && status != TaskStatus::skipped;
    if (has_result) co_await end_task(id, in.status, std::move(report));
}

/// The server has a task for the same time that has not started: the agent's start counts.
asio::awaitable<void> Tasklog::yield_to(Task there, TaskId id)
{
    if (!is_final(there.status)) {
        auto const canceled = co_await engine_.cancel(there.id, {});
        if (is_undecided(canceled)) throw still_undecided(canceled);
    }
    auto why = "skipped: the agent had started this time itself (task " + id.text() + ")";
    Store::Work work = [there = there.id, why = std::move(why)](
                           Db& db) { task_records::yield_firing(db, there, why); };
    co_await store_.write(std::move(work));
}

} // namespace elves
