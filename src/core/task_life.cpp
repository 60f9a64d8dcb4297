#include "elves/task_life.hpp"

#include <utility>

namespace elves::life {

namespace {

/// A link that is older than this has nothing more to say to its agent.
constexpr auto cancel_waits = std::chrono::hours(24);

/// What happens to `task`, one overload an event. Each returns whether it changed anything.
class Judge {
public:
    Judge(Task& task, Instant now) : task_(task), now_(now) {}

    bool operator()(HandedOver const&)
    {
        if (task_.status != TaskStatus::waiting) return false;
        task_.status = TaskStatus::sent;
        task_.sent = now_;
        return true;
    }

    bool operator()(NotThere const& event)
    {
        if (task_.status != TaskStatus::waiting && task_.status != TaskStatus::sent) return false;
        not_handed(event.why);
        return finish(TaskStatus::undelivered);
    }

    bool operator()(Taken const& event)
    {
        if (task_.status == TaskStatus::waiting) return false; // Nobody takes what was not sent.
        bool const moved = run();
        if (task_.sync_costtime) return moved;
        task_.taken = now_;
        // Also of one that is over by now: a quick worker's result may have been written first.
        task_.sync_flag = true;
        task_.sync_costtime = event.after;
        return true;
    }

    bool operator()(Refused const& event)
    {
        if (!at_agent()) return false;
        not_handed(event.why);
        task_.sync_costtime = event.after;
        return finish(TaskStatus::failed);
    }

    bool operator()(Silence const& event)
    {
        if (!at_agent() || task_.sync_flag) return false;
        not_handed(event.why);
        task_.sync_costtime = event.after;
        return true;
    }

    bool operator()(Reported const& event)
    {
        // A second result changes nothing, and a firing that did not start has none but its record.
        if (task_.report || task_.status == TaskStatus::skipped) return false;
        task_.report = event.report;
        task_.reported = now_;
        if (!task_.report->callback_time) task_.report->callback_time = now_;
        task_.cancel_due = false;
        if (is_final(task_.status)) return true; // Late: fills what is empty, and leaves the verdict alone.
        was_handed();
        return finish(verdict(event.report));
    }

    bool operator()(SyncOver const&)
    {
        if (task_.type != TaskType::rt || is_final(task_.status)) return false;
        if (!task_.sync_flag) was_handed();
        return finish(TaskStatus::timeout);
    }

    bool operator()(TtlOver const&)
    {
        if (task_.status != TaskStatus::waiting) return false;
        not_handed("[410.1] the agent did not come within the ttl of " +
                   std::to_string(task_.ins.ttl.count()) + " s");
        return finish(TaskStatus::expired);
    }

    bool operator()(Cancel const&)
    {
        if (is_final(task_.status)) return false;
        task_.cancel_due = at_agent();
        return finish(TaskStatus::canceled);
    }

    bool operator()(CancelKnown const&) { return std::exchange(task_.cancel_due, false); }

    bool operator()(AgentRuns const&)
    {
        bool const moved = run();
        if (!at_agent() || task_.sync_flag == true) return moved;
        was_handed();
        return true;
    }

    bool operator()(AgentForgot const&)
    {
        return lose("[410.2] the agent was asked, and does not know the task");
    }
    bool operator()(AgentGone const& event)
    {
        // It may have it still, and start it when it is back: a cancel waits to be told for longer.
        if (task_.cancel_due && now_ - task_.end.value_or(now_) < cancel_waits) return false;
        return lose(event.why);
    }

private:
    [[nodiscard]] bool at_agent() const
    {
        return task_.status == TaskStatus::sent || task_.status == TaskStatus::running;
    }

    bool run()
    {
        // The result of an `rt` task is the first that is heard of it.
        if (task_.status != TaskStatus::sent || task_.type == TaskType::rt) return false;
        task_.status = TaskStatus::running;
        return true;
    }

    bool finish(TaskStatus status)
    {
        task_.status = status;
        task_.end = now_;
        return true;
    }

    void not_handed(std::string why)
    {
        task_.sync_flag = false;
        task_.sync_error = std::move(why);
    }

    /// The agent has it, whatever was thought when it was silent.
    void was_handed()
    {
        task_.sync_flag = true;
        task_.sync_error.clear();
        // Nobody says of an `rt` task that it was taken: its result is the first that is heard of it.
        if (task_.type == TaskType::rt && task_.sent) task_.sync_costtime = *task_.sent - task_.start;
    }

    [[nodiscard]] TaskStatus verdict(WorkerReport const& report) const
    {
        if (report.flag == 1) return TaskStatus::done;
        // A result carries no word for it: no verdict of the worker's after all of its time is a timeout.
        bool const ran_out =
            report.flag == -1 && task_.ins.timeout.count() > 0 && report.costtime >= task_.ins.timeout;
        return ran_out ? TaskStatus::timeout : TaskStatus::failed;
    }

    bool lose(std::string why)
    {
        if (std::exchange(task_.cancel_due, false)) return true;
        if (!at_agent()) return false;
        task_.sync_error = std::move(why);
        return finish(TaskStatus::lost);
    }

    Task& task_;
    Instant now_;
};

} // namespace

Decision decide(Task const& task, Event const& event, Instant now)
{
    Decision decision{task, false, false};
    decision.changed = std::visit(Judge(decision.task, now), event);
    decision.finished = is_final(decision.task.status) && !is_final(task.status);
    return decision;
}

} // namespace elves::life
