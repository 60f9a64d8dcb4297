#include "task_text.hpp"

namespace elves {

namespace {

std::string text(std::optional<Instant> const& at, Zone const& zone) { return at ? zone.text(*at) : ""; }

std::string text(std::optional<std::int64_t> const& number) { return number ? std::to_string(*number) : ""; }

std::string_view result_flag(Task const& task)
{
    if (!is_final(task.status)) return "";
    return task.status == TaskStatus::done ? "true" : "false";
}

} // namespace

json::object task_text(task_records::Row const& row, Zone const& zone)
{
    auto const& task = row.task;
    auto const& module = row.module;
    std::string_view const handed = !task.sync_flag ? "" : *task.sync_flag ? "true" : "false";
    return {{"id", task.id.text()}, {"agentip", task.agent.text()}, {"type", type_text(task.type)},
        {"mode", mode_text(task.ins.mode)}, {"status", status_text(task.status)}, {"by", task.by},
        {"from", task.from}, {"instruct", task.ins.name()}, {"proxy", task.ins.proxy},
        {"param", task.ins.param}, {"starttime", zone.text(task.start)}, {"agent_sync_flag", handed},
        {"agent_sync_error", task.sync_error},
        {"agent_sync_costtime", task.sync_costtime ? std::to_string(task.sync_costtime->count()) : ""},
        {"agent_callback_time", task.report ? text(task.report->callback_time, zone) : ""},
        {"worker_message", task.report ? task.report->result : ""}, {"module_sync_flag", module.sync_flag},
        {"module_sync_error", module.sync_error}, {"module_sync_costtime", text(module.sync_costtime)},
        {"module_callback_time", text(module.callback_time, zone)},
        {"processor_message", module.processor_message},
        {"processor_costtime", text(module.processor_costtime)}, {"endtime", text(task.end, zone)},
        {"result_flag", result_flag(task)}, {"cron_id", task.cron_id ? task.cron_id->text() : ""},
        {"fire_time", text(task.fire_time, zone)}, {"last_fire_time", text(task.last_fire_time, zone)},
        {"run", task.run ? task.run->text() : ""}, {"count", std::to_string(task.firings)}};
}

} // namespace elves
