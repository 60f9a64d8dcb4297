// An agent's word on a task is taken within bounds, or refused; written down, it says the same.
#include "elves/worker_report.hpp"

#include <algorithm>
#include <array>

#include "core/utf8.hpp"
#include "elves/error.hpp"
#include "elves/json_document.hpp"
#include "fuzz_target.hpp"
#include "rpc/frame_json.hpp"

using namespace elves;

namespace {

std::optional<WorkerReport> read(JsonValue const& info, Zone const& zone)
{
    try {
        return read_report(info, zone);
    } catch (Error const& error) {
        std::string_view const why = error.what();
        PROMISE(error.code() == codes::bad_field);
        PROMISE(why.find("`info.") == 0 && why.size() < 300 && is_utf8(why));
        PROMISE(std::none_of(why.begin(), why.end(), [](char c) { return c >= 0 && c < ' '; }));
        return std::nullopt;
    }
}

bool same_but_for_time(WorkerReport const& a, WorkerReport const& b)
{
    return a.flag == b.flag && a.result == b.result && a.costtime == b.costtime &&
           a.stderr_text == b.stderr_text && a.exit_code == b.exit_code && a.truncated == b.truncated;
}

json::object written(WorkerReport const& report, Zone const& zone)
{
    json::object out;
    write_report(out, report, zone);
    return out;
}

void in_zone(JsonValue const& info, Zone const& zone)
{
    auto const report = read(info, zone);
    if (!report) return;
    PROMISE(report->flag >= -1 && report->flag <= 1);
    PROMISE(report->costtime.count() >= 0);
    PROMISE(is_utf8(report->result) && is_utf8(report->stderr_text));
    auto const out = written(*report, zone);
    auto const travelled = JsonDocument::parse(json::serialize(out));
    auto const again = read(travelled.root(), zone);
    PROMISE(again && same_but_for_time(*report, *again));
    // A time is written to the second; the hour that a clock change repeats is written like the one before
    // it.
    PROMISE(report->callback_time.has_value() == again->callback_time.has_value());
    PROMISE(written(*again, zone) == out);
    if (!report->callback_time) return;
    auto const off = *report->callback_time - *again->callback_time;
    PROMISE(off >= std::chrono::seconds(0) && off <= std::chrono::hours(24) + std::chrono::seconds(1));
}

} // namespace

FUZZ_TARGET(worker_report)
{
    JsonReader reader;
    auto const frame = read_frame(reader, input);
    auto const* const info = std::get_if<JsonValue const*>(&frame);
    if (!info) return;
    static std::array const zones{Zone(), Zone::named("Europe/Berlin").value(),
        Zone::named("Pacific/Kiritimati").value(), Zone::named("America/Los_Angeles").value()};
    for (auto const& zone : zones) in_zone(**info, zone);
}
