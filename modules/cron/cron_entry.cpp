#include "cron_entry.hpp"

namespace elves {

json::object cron_entry(CronJob const& job, std::optional<TaskEngine::LastRun> const& last_run,
    std::optional<Instant> next, Zone const& server)
{
    auto const zone = job.zone.value_or(server);
    bool const is_outdated = job.agent_knows == AgentKnows::outdated;
    auto const flag = !job.on ? "0" : job.refused.empty() ? "1" : "2";
    return json::object{
        {"cron_id", job.id.text()},
        {"agent_ip", job.agent.text()},
        {"cron_type", type_text(job.type)},
        {"ins", job.ins.to_json()},
        {"param", job.ins.param},
        {"rule", job.rule.text()},
        {"create_time", server.text(job.created)},
        {"cron_flag", flag},
        {"next_time", next ? server.text(*next) : ""},
        {"last_exec_time", last_run ? server.text(last_run->start) : ""},
        {"last_exec_result", last_run ? status_text(last_run->status) : std::string_view()},
        {"timezone", zone.name()},
        {"misfire", misfire_text(job.misfire)},
        {"overlap", overlap_text(job.overlap)},
        {"jitter", std::to_string(job.jitter.most.count())},
        {"name", job.name},
        {"start_date", job.start ? server.text(*job.start) : ""},
        {"end_date", job.end ? server.text(*job.end) : ""},
        {"refused", job.refused},
        {"agent_told", is_outdated ? "false" : "true"},
    };
}

json::array next_times(CronJob const& job, Instant after, std::size_t count, Zone const& server)
{
    json::array times;
    auto const view = life_of(job, server);
    for (auto next = cron_life::next_time(view, after); next && times.size() < count;
         next = cron_life::next_time(view, *next)) {
        times.push_back(json::object{{"fire_time", server.text(*next)},
            {"due", server.text(*next + view.delay)}, {"local", view.zone.text(*next)}});
    }
    return times;
}

std::size_t entry_size(CronJob const& job)
{
    constexpr std::size_t names_and_times = 1'100;
    return names_and_times + json::serialize(job.ins.to_json()).size() +
           json::serialize(json::string(job.ins.param)).size() +
           json::serialize(json::string(job.rule.text())).size();
}

} // namespace elves
