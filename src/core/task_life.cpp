#include "elves/task_life.hpp"

#include <algorithm>
#include <utility>

namespace elves::life {

namespace {

using namespace std::chrono_literals;

/// For how long an agent that is offline is still told of a cancel.
constexpr auto cancel_waits = std::chrono::hours(24);
/// No task is looked at more often.
constexpr std::chrono::milliseconds shortest_pause = 1s;

bool is_at_agent(Task const& task)
{
    return task.status == TaskStatus::sent || task.status == TaskStatus::running;
}

/// The agent has not been heard to have it.
bool is_unconfirmed(Task const& task) { return task.status == TaskStatus::sent && task.sync_flag != true; }

/// Applies one event to a task: one overload for each. Returns whether what is on disk changes.
class Transition {
public:
    Transition(Task& task, Context const& context) : task_(task), context_(context) {}

    bool operator()(HandedOver const&)
    {
        if (task_.status != TaskStatus::waiting) return false;
        task_.status = TaskStatus::sent;
        task_.sync_error.clear();
        ++task_.handover;
        task_.sent = context_.now;
        auto const& ins = task_.ins;
        task_.start_by = task_.type == TaskType::rt ? task_.start + ins.timeout
                                                    : context_.now + silence_span(task_, context_.lost_after);
        return true;
    }

    bool operator()(AgentOffline const& event)
    {
        if (!is_current(event.handover)) return false;
        bool const was_written = task_.status != TaskStatus::waiting && !is_unconfirmed(task_);
        if (is_final(task_.status) || was_written) return false;
        if (may_wait()) return wait_again();
        set_not_taken(event.why);
        return finish(TaskStatus::undelivered);
    }

    bool operator()(NeverStarted const& event)
    {
        if (!is_current(event.handover)) return false;
        if (is_final(task_.status)) return std::exchange(task_.cancel_due, false);
        if (!is_at_agent(task_)) return false;
        if (context_.start_left > 0ms) return wait_again();
        set_not_taken(event.why);
        return finish(TaskStatus::undelivered);
    }

    bool operator()(Taken const& event)
    {
        if (!is_current(event.handover) || task_.status == TaskStatus::waiting) return false;
        task_.is_queued = event.is_queued && !is_final(task_.status);
        bool const moved = run();
        // After [410.2] the first answer counts for how long it took.
        if (task_.sync_costtime) return confirm() || moved;
        // Also of one that has ended: a quick worker's result may have been written first.
        task_.taken = context_.now;
        task_.sync_costtime = event.after;
        task_.sync_flag = true;
        return true;
    }

    bool operator()(Refused const& event)
    {
        if (!is_current(event.handover) || !is_at_agent(task_)) return false;
        set_not_taken(event.why);
        task_.sync_costtime = event.after;
        return finish(TaskStatus::failed);
    }

    bool operator()(AgentBusy const& event)
    {
        if (!is_current(event.handover)) return false;
        if (is_unconfirmed(task_) && may_wait()) return wait_again();
        return (*this)(Refused{event.why, event.after, event.handover});
    }

    bool operator()(HandoverTimedOut const& event)
    {
        if (!is_current(event.handover) || !is_at_agent(task_) || task_.sync_flag) return false;
        set_not_taken(event.why);
        task_.sync_costtime = event.after;
        return true;
    }

    bool operator()(Reported const& event)
    {
        // That it did not start is no result: the engine makes NeverStarted of it.
        if (event.report.not_started && !is_final(task_.status)) return false;
        // A second result changes nothing, and a firing that did not start has none but its record.
        if (task_.report || task_.status == TaskStatus::skipped) return false;
        task_.report = event.report;
        task_.reported = context_.now;
        if (!task_.report->callback_time) task_.report->callback_time = context_.now;
        task_.cancel_due = false;
        if (is_final(task_.status)) return true; // Late: fills what is empty; the final state stays.
        confirm();
        return finish(status_of(event.report));
    }

    bool operator()(HeldBack const& event)
    {
        if (task_.status != TaskStatus::waiting || task_.sync_error == event.why) return false;
        task_.sync_error = event.why;
        return true;
    }

    bool operator()(SyncTimedOut const&)
    {
        if (task_.type != TaskType::rt || is_final(task_.status)) return false;
        if (task_.status == TaskStatus::waiting) return (*this)(StartTimedOut{});
        if (!task_.sync_flag) confirm();
        return finish(TaskStatus::timeout);
    }

    bool operator()(StartTimedOut const&)
    {
        if (task_.status != TaskStatus::waiting) return false;
        bool const has_ttl = task_.ins.ttl > 0s;
        if (!task_.sync_error.empty()) {
            set_not_taken(
                task_.sync_error + (has_ttl ? "; its ttl of " + std::to_string(task_.ins.ttl.count()) +
                                                  " s was over before that changed"
                                            : std::string("; that did not change in time")));
            return finish(has_ttl ? TaskStatus::expired : TaskStatus::undelivered);
        }
        set_not_taken(has_ttl ? "[410.1] the agent did not come within the ttl of " +
                                    std::to_string(task_.ins.ttl.count()) + " s"
                              : "[410.1] the agent did not start it, and did not come back in time");
        return finish(has_ttl ? TaskStatus::expired : TaskStatus::undelivered);
    }

    bool operator()(Cancel const&)
    {
        if (is_final(task_.status)) return false;
        task_.cancel_due = is_at_agent(task_);
        // Nobody says of a `sendsync` that it was taken: it was handed to a connection that stood.
        if (task_.cancel_due && task_.type == TaskType::rt && !task_.sync_flag) confirm();
        return finish(TaskStatus::canceled);
    }

    bool operator()(CancelAcknowledged const&) { return std::exchange(task_.cancel_due, false); }

    bool operator()(ReportedRunning const& event)
    {
        if (!is_current(event.handover) || !is_at_agent(task_)) return false;
        task_.is_queued = event.is_queued;
        bool const moved = run();
        return confirm() || moved;
    }

    bool operator()(TaskUnknownToAgent const& event)
    {
        if (!is_current(event.handover)) return false;
        return lose("[410.2] the agent was asked, and does not know the task");
    }

    bool operator()(AgentUnreachable const& event)
    {
        if (!is_current(event.handover)) return false;
        // The agent may still have it, and start it when it is back: a cancel is kept for it for longer.
        if (task_.cancel_due && context_.now - task_.end.value_or(context_.now) < cancel_waits) return false;
        return lose(event.why);
    }

private:
    /// It was not handed over again since: what is known of an earlier hand-over decides nothing.
    [[nodiscard]] bool is_current(std::uint32_t handover) const { return handover == task_.handover; }
    [[nodiscard]] bool may_wait() const { return task_.ins.ttl > 0s && context_.start_left > 0ms; }

    /// Back to the state before the hand-over. False where it is there already.
    bool wait_again()
    {
        if (task_.status == TaskStatus::waiting) return false;
        task_.status = TaskStatus::waiting;
        task_.sent.reset();
        task_.taken.reset();
        task_.sync_flag.reset();
        task_.sync_error.clear();
        task_.sync_costtime.reset();
        task_.start_by.reset();
        task_.is_queued = false;
        return true;
    }

    bool run()
    {
        // The result of a `sendsync` is the first that is heard of it.
        if (task_.status != TaskStatus::sent || task_.type == TaskType::rt) return false;
        task_.status = TaskStatus::running;
        return true;
    }

    bool finish(TaskStatus status)
    {
        task_.status = status;
        task_.end = context_.now;
        task_.is_queued = false;
        return true;
    }

    void set_not_taken(std::string why)
    {
        task_.sync_flag = false;
        task_.sync_error = std::move(why);
    }

    /// The agent has it, whatever its silence made the server say before. False where that was known.
    bool confirm()
    {
        if (task_.sync_flag == true) return false;
        task_.sync_flag = true;
        task_.sync_error.clear();
        // Nobody says of a `sendsync` that it was taken: what counts is when it was written to the
        // connection.
        if (task_.type == TaskType::rt && task_.sent) task_.sync_costtime = *task_.sent - task_.start;
        return true;
    }

    [[nodiscard]] TaskStatus status_of(WorkerReport const& report) const
    {
        if (report.flag == 1) return TaskStatus::done;
        // A result does not say so itself: no verdict of the worker's after all of its time is a timeout.
        bool const ran_out =
            report.flag == -1 && task_.ins.timeout.count() > 0 && report.costtime >= task_.ins.timeout;
        return ran_out ? TaskStatus::timeout : TaskStatus::failed;
    }

    bool lose(std::string why)
    {
        if (std::exchange(task_.cancel_due, false)) return true;
        if (!is_at_agent(task_)) return false;
        task_.sync_error = std::move(why);
        return finish(TaskStatus::lost);
    }

    Task& task_;
    Context const& context_;
};

} // namespace

Decision decide(Task const& task, Event const& event, Context const& context)
{
    Decision decision{task, false, false};
    decision.changed = std::visit(Transition(decision.task, context), event);
    decision.finished = is_final(decision.task.status) && !is_final(task.status);
    return decision;
}

std::chrono::milliseconds start_span(Task const& task, std::chrono::milliseconds lost_after)
{
    if (task.ins.ttl > 0s) return task.ins.ttl;
    return task.type == TaskType::rt ? task.ins.timeout : task.ins.timeout + lost_after;
}

std::chrono::milliseconds silence_span(Task const& task, std::chrono::milliseconds lost_after)
{
    return task.ins.timeout + lost_after;
}

Due due(Task const& task, Spans const& spans)
{
    auto const ask_again = std::max(spans.lost_after, shortest_pause);
    auto const in = [](std::chrono::milliseconds left) {
        return Due{Action::none, std::max(left, shortest_pause)};
    };
    if (task.status == TaskStatus::waiting) {
        return spans.start_left > 0ms ? Due{Action::none, spans.start_left}
                                      : Due{Action::end_waiting, ask_again};
    }
    if (task.cancel_due) {
        return {spans.is_agent_online ? Action::tell_cancel : Action::give_up, ask_again};
    }
    if (!is_at_agent(task)) return {};
    if (spans.is_agent_online) {
        // What is queued there is asked about earlier: only then may its time to start be extended.
        auto const early = task.is_queued ? spans.lost_after / 2 : 0ms;
        if (spans.silence_left > early) return in(spans.silence_left - early);
        return {
            Action::ask_agent, task.is_queued ? std::max(spans.lost_after / 2, shortest_pause) : ask_again};
    }
    // What may never have reached the agent is not given up while it may still be handed over.
    auto const left = is_unconfirmed(task) && task.ins.ttl > 0s
                          ? std::max(spans.silence_left, spans.start_left)
                          : spans.silence_left;
    if (left > 0ms) return in(left);
    return {Action::give_up, ask_again};
}

} // namespace elves::life
