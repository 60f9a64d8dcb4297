#include "agent/report_fields.hpp"

#include "elves/worker_report.hpp"

namespace elves::agent {

namespace {

constexpr std::size_t max_result = std::size_t{3} * 512 * 1024;
constexpr std::size_t max_stderr = std::size_t{256} * 1024;

std::size_t as_json(std::string const& text) { return json::serialize(json::string_view(text)).size(); }

/// Halves it until its JSON fits, at a character's border.
bool cut(std::string& text, std::size_t most)
{
    bool was_cut = false;
    while (text.size() > most / 6 && as_json(text) > most) {
        auto end = text.size() / 2;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
        text.resize(end);
        was_cut = true;
    }
    return was_cut;
}

std::string ms_text(Instant at) { return std::to_string(at.time_since_epoch().count()); }

} // namespace

void fit_a_frame(WorkerReport& report)
{
    bool const result = cut(report.result, max_result);
    bool const errors = cut(report.stderr_text, max_stderr);
    report.truncated = report.truncated || result || errors;
}

json::object report_fields(Entry const& entry, Zone const& zone)
{
    json::object info;
    write_report(info, entry.report.value_or(WorkerReport()), zone);
    json::object out;
    out["id"] = entry.id.text();
    if (entry.report && entry.firing && entry.firing->replaced)
        out["status"] = status_text(TaskStatus::canceled);
    if (entry.firing && !entry.firing->is_sent) {
        out["type"] = type_text(TaskType::cron);
        out["cron_id"] = entry.firing->cron_id.text();
        // Not as times of day: in autumn some of those are twice, and each is a firing of its own.
        out["fire_time"] = ms_text(entry.firing->fire_time);
        out["starttime"] = ms_text(entry.started.value_or(entry.taken));
        out["ins"] = entry.ins.to_json();
        if (!entry.report) out["status"] = status_text(TaskStatus::running);
        if (entry.firing->skipped) {
            out["status"] = status_text(TaskStatus::skipped);
            info["status"] = status_text(TaskStatus::skipped);
        }
    }
    out["info"] = std::move(info);
    return out;
}

} // namespace elves::agent
