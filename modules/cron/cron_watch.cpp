#include "cron_watch.hpp"

#include <chrono>
#include <string_view>

namespace elves {

namespace {

bool has_failed(Watched const& job) { return job.ended && job.ended != job.succeeded; }

/// What has ended before what has not yet; failed ones first; then by the last success, none at all before
/// any.
bool is_worse(Watched const& a, Watched const& b)
{
    if (a.ended.has_value() != b.ended.has_value()) return a.ended.has_value();
    if (has_failed(a) != has_failed(b)) return has_failed(a);
    return a.succeeded < b.succeeded;
}

std::optional<Instant> next_of(CronJob const& job, Zone const& server)
{
    if (!job.on) return std::nullopt;
    auto const view = life_of(job, server);
    auto const next = cron_life::next_time(view, job.watched.from);
    return next ? std::optional<Instant>(*next + view.delay) : std::nullopt;
}

/// The label is not `job`: Prometheus has that one for what it scrapes.
void write_time(
    MetricWriter& to, std::string_view name, std::string_view help, std::string_view job, Instant at)
{
    to.gauge(name, help, std::chrono::duration<double>(at.time_since_epoch()).count(), {{"watch", job}});
}

void write_name(MetricWriter& to, std::string_view job, WatchedName const& watched)
{
    if (watched.ended)
        write_time(to, "cron_last_end_timestamp_seconds", "When a watched cron job last ended, well or not.",
            job, *watched.ended);
    if (watched.succeeded)
        write_time(to, "cron_last_success_timestamp_seconds", "When a watched cron job last ended well.", job,
            *watched.succeeded);
    if (watched.next)
        write_time(to, "cron_next_timestamp_seconds",
            "When a watched cron job is due next; in the past while it is overdue.", job, *watched.next);
}

/// Calls `tell` with each watch name and what is known of its jobs.
template <class Tell>
void each_name(CronJobs const& jobs, Zone const& server, Tell const& tell)
{
    auto const& all = jobs.watched();
    for (auto at = all.begin(); at != all.end();) {
        auto const& name = at->first;
        std::vector<CronJob const*> of_name;
        for (; at != all.end() && at->first == name; ++at) of_name.push_back(jobs.find(at->second));
        tell(name, watched_name(of_name, server));
    }
}

} // namespace

WatchedName watched_name(std::vector<CronJob const*> const& jobs, Zone const& server)
{
    auto const* worst = jobs.front();
    WatchedName found;
    for (auto const* const job : jobs) {
        if (is_worse(job->watched, worst->watched)) worst = job;
        auto const next = next_of(*job, server);
        if (next && (!found.next || *next < *found.next)) found.next = next;
    }
    found.ended = worst->watched.ended;
    found.succeeded = worst->watched.succeeded;
    return found;
}

void write_watch_metrics(CronJobs const& jobs, Zone const& server, MetricWriter& to)
{
    each_name(jobs, server,
        [&](std::string const& name, WatchedName const& watched) { write_name(to, name, watched); });
}

std::string overdue_warning(CronJobs const& jobs, Zone const& server, Instant now)
{
    constexpr std::size_t most_named = 5;
    std::size_t count = 0;
    std::string named;
    each_name(jobs, server, [&](std::string const& name, WatchedName const& watched) {
        if (!watched.next || now - *watched.next <= overdue_after) return;
        if (++count <= most_named)
            named += (count == 1 ? "" : ", ") + name + " (since " + server.text(*watched.next) + ")";
    });
    if (count == 0) return {};
    if (count > most_named) named += " and " + std::to_string(count - most_named) + " more";
    return "watched cron jobs are overdue: " + named +
           "; elvesctl cron list --all shows how their last times ended";
}

} // namespace elves
