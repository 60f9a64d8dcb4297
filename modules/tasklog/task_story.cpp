#include "task_story.hpp"

#include <algorithm>

namespace elves {

namespace {

std::string ms_text(std::chrono::milliseconds time) { return std::to_string(time.count()) + " ms"; }

std::string because(std::string const& why) { return why.empty() ? "" : ": " + why; }

/// What happened, in the order in which it is told; the times put it into theirs.
class Teller {
public:
    Teller(task_records::Row const& row, Zone const& zone) : row_(row), task_(row.task), zone_(zone) {}

    void asked()
    {
        auto const nobody = task_.from == "cron" ? "its rule" : "somebody without a key from " + task_.from;
        auto const who = task_.by.empty() ? nobody : "key " + task_.by + " from " + task_.from;
        auto text = "asked for by " + who + ", and written to disk: " + task_.ins.name() + " on " +
                    task_.agent.text() + " (" + std::string(type_text(task_.type)) + ", timeout " +
                    std::to_string(task_.ins.timeout.count()) + " s)";
        if (!task_.ins.proxy.empty()) text += "; file " + task_.ins.proxy;
        if (task_.cron_id) text += "; cron job " + task_.cron_id->text();
        if (task_.fire_time) text += ", due at " + zone_.text(*task_.fire_time);
        add(task_.start, std::move(text));
    }
    void handed_over()
    {
        if (task_.sent) add(task_.sent, "handed to the agent's connection");
        add(task_.taken, "the agent said that it took it");
        if (task_.sent && task_.sync_flag == false && task_.sync_costtime &&
            task_.status != TaskStatus::undelivered)
            add(*task_.sent + *task_.sync_costtime, "the agent has not taken it" + because(task_.sync_error));
    }
    void printed(task_records::OutputTimes const& output)
    {
        add(output.first, "first output");
        if (output.last != output.first)
            add(output.last, "last output, " + std::to_string(output.bytes) + " bytes in all");
    }
    void reported()
    {
        if (!task_.report) return;
        auto const& report = *task_.report;
        // By the agent's clock, which knows whole seconds only and may be wrong: it is told, but puts nothing
        // in order.
        auto text =
            "the worker was through" +
            (report.callback_time ? " at " + zone_.text(*report.callback_time) + " by the agent's clock"
                                  : "") +
            ": flag " + std::to_string(report.flag) + " after " + ms_text(report.costtime);
        if (report.exit_code) text += ", exit code " + std::to_string(*report.exit_code);
        add(task_.reported, std::move(text));
        add(task_.reported, "its result came, and was confirmed once on disk");
    }
    void ended()
    {
        auto const text = status_text(task_.status);
        if (task_.end && task_.last_fire_time)
            add(task_.end, "the same happened to " + std::to_string(task_.firings) +
                               " firings of this job, the last of them due at " +
                               zone_.text(*task_.last_fire_time));
        if (task_.end) add(task_.end, "final state: " + std::string(text) + because(task_.sync_error));
        if (task_.end && task_.cancel_due)
            add(task_.end, "the agent has not been heard to know of the cancel yet");
    }
    void delivered()
    {
        auto const& module = row_.module;
        auto const tries = std::to_string(module.tries) + (module.tries == 1 ? " try" : " tries");
        if (module.last_try != module.first_try)
            add(module.first_try, "first try to deliver it to the processor");
        add(module.last_try, module.sync_flag == "true"
                                 ? "delivered to the processor, " + tries
                                 : "not delivered to the processor, " + tries + because(module.sync_error));
        add(module.callback_time, "the processor said" + because(module.processor_message));
    }

    [[nodiscard]] std::vector<StoryLine> in_order()
    {
        std::stable_sort(
            lines_.begin(), lines_.end(), [](auto const& a, auto const& b) { return a.at < b.at; });
        return std::move(lines_);
    }

private:
    void add(std::optional<Instant> at, std::string what)
    {
        if (at) lines_.push_back({*at, std::move(what)});
    }

    task_records::Row const& row_;
    Task const& task_;
    Zone const& zone_;
    std::vector<StoryLine> lines_;
};

} // namespace

std::vector<StoryLine> task_story(
    task_records::Row const& row, task_records::OutputTimes const& output, Zone const& zone)
{
    Teller tell(row, zone);
    tell.asked();
    tell.handed_over();
    tell.printed(output);
    tell.reported();
    tell.ended();
    tell.delivered();
    return tell.in_order();
}

} // namespace elves
