#include "elves/worker_report.hpp"

#include "elves/error.hpp"
#include "elves/field_type.hpp"
#include "elves/json_fields.hpp"

namespace elves {

namespace {

JsonValue const& needed(JsonValue const& info, std::string_view field)
{
    auto const* const value = info.find(field);
    if (!value) throw Error(codes::bad_field, "`info." + std::string(field) + "` is missing");
    return *value;
}

[[noreturn]] void refuse(std::string_view field, JsonValue const& value, std::string_view right)
{
    throw Error(
        codes::bad_field, field_is("info." + std::string(field), value) + "; give " + std::string(right));
}

std::string text_of(JsonValue const& info, std::string_view field)
{
    auto const* const value = info.find(field);
    if (!value) return {};
    if (!value->is_string()) refuse(field, *value, "a string");
    return std::string(value->string());
}

std::optional<std::int64_t> number_of(JsonValue const& info, std::string_view field)
{
    auto const* const value = info.find(field);
    if (!value || (value->is_string() && value->string().empty())) return std::nullopt;
    auto const number = whole_number(*value);
    if (!number) refuse(field, *value, "a whole number");
    return number;
}

std::optional<Instant> instant_of(std::optional<std::int64_t> milliseconds)
{
    // From here on some zones are in the year 10000, which no time of day can say.
    constexpr Instant end(std::chrono::sys_days(std::chrono::year(9999) / 12 / 31));
    if (!milliseconds || *milliseconds < 0 || *milliseconds >= end.time_since_epoch().count())
        return std::nullopt;
    return Instant(std::chrono::milliseconds(*milliseconds));
}

} // namespace

WorkerReport read_report(JsonValue const& info, Zone const& zone)
{
    WorkerReport report;
    auto const& flag = needed(info, "worker_flag");
    auto const number = whole_number(flag);
    if (!number || *number < -1 || *number > 1) refuse("worker_flag", flag, "1, 0 or -1");
    report.flag = static_cast<int>(*number);
    report.result = text_of(info, "worker_result");
    auto const cost = number_of(info, "worker_costtime").value_or(0);
    if (cost < 0) refuse("worker_costtime", *info.find("worker_costtime"), "milliseconds, 0 or more");
    report.costtime = std::chrono::milliseconds(cost);
    if (auto const* const time = info.find("agent_callback_time")) {
        // A time that can't be read is no reason to lose a result: the server's own stands for it.
        if (!time->is_string() && !time->is_number())
            refuse("agent_callback_time", *time, "YYYY-MM-DD HH:MM:SS, or milliseconds since 1970");
        report.callback_time = read_time(*time, zone);
    }
    report.stderr_text = text_of(info, "stderr");
    report.exit_code = number_of(info, "exit_code");
    if (auto const* const cut = info.find("truncated"); cut && !(cut->is_string() && cut->string().empty())) {
        report.truncated = FieldType<bool>::read("info.truncated", *cut);
    }
    if (auto const* const denied = info.find("not_started"))
        report.not_started = FieldType<bool>::read("info.not_started", *denied);
    return report;
}

void write_report(json::object& out, WorkerReport const& report, Zone const& zone)
{
    out["agent_callback_time"] = report.callback_time ? zone.text(*report.callback_time) : "";
    out["worker_flag"] = report.flag;
    out["worker_result"] = report.result;
    out["worker_costtime"] = report.costtime.count();
    out["stderr"] = report.stderr_text;
    if (report.exit_code) out["exit_code"] = *report.exit_code;
    out["truncated"] = report.truncated ? "true" : "false";
    if (report.not_started) out["not_started"] = "true";
}

std::optional<Instant> read_time(JsonValue const& value, Zone const& zone)
{
    return value.is_string() ? read_time(value.string(), zone) : instant_of(whole_number(value));
}

std::optional<Instant> read_time(std::string_view text, Zone const& zone)
{
    return text.size() == 19 ? zone.parse(text) : instant_of(whole_number(text));
}

} // namespace elves
