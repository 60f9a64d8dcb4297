#include "agent/report_fields.hpp"

#include <algorithm>

#include "elves/text_fit.hpp"
#include "elves/worker_report.hpp"

namespace elves::agent {

namespace {

constexpr std::size_t max_stderr = std::size_t{256} * 1024;
/// Of the server's default frame: the rest has room for the task's param, where both are shown.
constexpr std::size_t max_result = std::size_t{3} * 512 * 1024;

/// How much of a frame a result may take.
std::size_t result_room(std::size_t max_frame)
{
    constexpr std::size_t usual = std::size_t{4} * 1024 * 1024;
    return max_frame <= usual ? max_result : max_frame / 8 * 3;
}

std::string ms_text(Instant at) { return std::to_string(at.time_since_epoch().count()); }

} // namespace

void fit_a_frame(WorkerReport& report, std::size_t max_frame, std::size_t beside)
{
    auto const all = text_room(max_frame);
    auto const room = all - std::min(beside, all / 2);
    // The end of stderr has the reason, the beginning of a result what it is.
    auto const errors = tail_that_fits(report.stderr_text, std::min(max_stderr, room / 4));
    auto const result = std::min(result_room(max_frame), room - json_bytes(errors));
    auto const kept = head_that_fits(report.result, result);
    bool const is_cut = errors.size() < report.stderr_text.size() || kept.size() < report.result.size();
    report.truncated = report.truncated || is_cut;
    report.stderr_text.erase(0, report.stderr_text.size() - errors.size());
    report.result.resize(kept.size());
}

json::object report_fields(Entry const& entry, Zone const& zone, std::size_t max_frame)
{
    json::object info;
    auto report = entry.report.value_or(WorkerReport());
    auto const beside = entry.firing ? json::serialize(entry.ins.to_json()).size() : 0;
    fit_a_frame(report, max_frame, beside);
    write_report(info, report, zone);
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
