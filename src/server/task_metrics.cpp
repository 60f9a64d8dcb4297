#include "server/task_metrics.hpp"

#include <algorithm>
#include <optional>

#include "elves/cron_life.hpp"

namespace elves {

namespace {

constexpr std::array all_types{TaskType::rt, TaskType::async, TaskType::cron};

double seconds(std::chrono::milliseconds duration) { return std::chrono::duration<double>(duration).count(); }

std::size_t place(TaskStatus status) { return static_cast<std::size_t>(status); }
std::size_t place(TaskType type) { return static_cast<std::size_t>(type); }

/// Calls `tell` with each status of which there is one at least.
template <class Counts, class Tell>
void each(Counts const& counts, Tell const& tell)
{
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0) tell(status_text(static_cast<TaskStatus>(i)), static_cast<double>(counts[i]));
}

} // namespace

TaskMetrics::TaskMetrics(TaskEngine& engine, Clock& clock) : engine_(engine), clock_(clock)
{
    engine_.on_finished([this](Task const& task) { finished(task); });
}

TaskMetrics::ByStatus& TaskMetrics::of_app(std::string const& app)
{
    auto const found = apps_.find(app);
    if (found != apps_.end()) return found->second;
    return apps_[apps_.size() < most_apps ? app : "other"];
}

void TaskMetrics::finished(Task const& task)
{
    ++ended_;
    ++totals_[place(task.type)][place(task.status)];
    ++of_app(task.ins.app)[place(task.status)];
    if (task.run) ++run_hosts_[place(task.status)];
    if (task.taken) handover_[place(task.type)].observe(seconds(*task.taken - task.start));
    if (task.report && !task.report->not_started) {
        worker_[place(task.type)].observe(seconds(task.report->costtime));
        auto& count = task.report->flag == 1   ? results_well_
                      : task.report->flag == 0 ? results_failed_
                                               : results_none_;
        ++count;
    }
    if (task.status == TaskStatus::skipped)
        skipped_[cron_life::skip_reason(task.sync_error)] += static_cast<std::uint64_t>(task.firings);
    bool const has_started = task.sent.has_value() || task.taken.has_value();
    if (task.type == TaskType::cron && task.fire_time && has_started)
        cron_late_.observe(std::max(seconds(task.sent.value_or(*task.taken) - *task.fire_time), 0.0));
}

void TaskMetrics::write(MetricWriter& to) const
{
    for (auto const type : all_types) {
        auto const name = type_text(type);
        each(totals_[place(type)], [&](std::string_view status, double count) {
            to.counter("tasks_total", "Tasks that have ended since the start.", count,
                {{"type", name}, {"status", status}});
        });
        to.histogram("task_handover_seconds", "From the send until the agent had taken the task.",
            handover_[place(type)], {{"type", name}});
        to.histogram("task_worker_seconds", "How long workers ran, as agents report it.",
            worker_[place(type)], {{"type", name}});
    }
    for (auto const& [app, counts] : apps_) {
        auto const& name = app;
        each(counts, [&](std::string_view status, double count) {
            to.counter("app_tasks_total", "Tasks that have ended since the start, by app.", count,
                {{"app", name}, {"status", status}});
        });
    }
    each(run_hosts_, [&](std::string_view status, double count) {
        to.counter("run_hosts_total", "Hosts of runs that have come to an end.", count, {{"state", status}});
    });
    auto const help = "Results of workers: they said true, they said false, or they said nothing.";
    to.counter("results_total", help, static_cast<double>(results_well_), {{"kind", "well"}});
    to.counter("results_total", help, static_cast<double>(results_failed_), {{"kind", "failed"}});
    to.counter("results_total", help, static_cast<double>(results_none_), {{"kind", "none"}});
    write_open(to);
    write_cron(to);
}

void TaskMetrics::write_open(MetricWriter& to) const
{
    ByStatus counts{};
    std::array<std::optional<Instant>, statuses> oldest{};
    for (auto const id : engine_.open_all()) {
        auto const* const task = engine_.open(id);
        if (!task || is_final(task->status)) continue;
        ++counts[place(task->status)];
        auto& since = oldest[place(task->status)];
        if (!since || task->start < *since) since = task->start;
    }
    auto const now = clock_.now();
    for (auto const status : {TaskStatus::waiting, TaskStatus::sent, TaskStatus::running}) {
        auto const name = status_text(status);
        auto const& since = oldest[place(status)];
        to.gauge("tasks_open", "Tasks that have not ended.", static_cast<double>(counts[place(status)]),
            {{"status", name}});
        to.gauge("task_oldest_seconds", "For how long the oldest of them has been there.",
            since ? std::max(seconds(now - *since), 0.0) : 0.0, {{"status", name}});
    }
}

/// One record may stand for many firings that were skipped for one reason.
void TaskMetrics::write_cron(MetricWriter& to) const
{
    auto const help = "Firings of cron jobs, by what became of them; of skipped ones why.";
    auto const skipped = status_text(TaskStatus::skipped);
    each(totals_[place(TaskType::cron)], [&](std::string_view outcome, double count) {
        if (outcome != skipped)
            to.counter("cron_firings_total", help, count, {{"outcome", outcome}, {"reason", ""}});
    });
    for (auto const& [reason, count] : skipped_)
        to.counter("cron_firings_total", help, static_cast<double>(count),
            {{"outcome", skipped}, {"reason", reason}});
    to.histogram("cron_late_seconds", "From the time that was due to the hand-over.", cron_late_);
}

} // namespace elves
