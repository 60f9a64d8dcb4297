#include "cron_entry.hpp"

namespace elves {

json::object cron_entry(
    CronJob const& job, std::optional<TaskEngine::LastRun> const& last_run, Instant now, Zone const& server)
{
    auto const zone = job.zone.value_or(server);
    auto const next = job.on ? job.rule.next_after(now, zone) : std::nullopt;
    return json::object{
        {"cron_id", job.id.text()},
        {"agent_ip", job.agent.text()},
        {"cron_type", type_text(job.type)},
        {"ins", job.ins.to_json()},
        {"param", job.ins.param},
        {"rule", job.rule.text()},
        {"create_time", server.text(job.created)},
        {"cron_flag", job.on ? "1" : "0"},
        {"next_time", next ? server.text(*next) : ""},
        {"last_exec_time", last_run ? server.text(last_run->start) : ""},
        {"last_exec_result", last_run ? status_text(last_run->status) : std::string_view()},
        {"timezone", zone.name()},
        {"misfire", misfire_text(job.misfire)},
        {"overlap", overlap_text(job.overlap)},
        {"jitter", std::to_string(job.jitter.most.count())},
    };
}

std::size_t entry_size(CronJob const& job)
{
    constexpr std::size_t names_and_times = 500;
    return names_and_times + json::serialize(job.ins.to_json()).size() +
           json::serialize(json::string(job.ins.param)).size() +
           json::serialize(json::string(job.rule.text())).size();
}

} // namespace elves
