#include "elves/field_type.hpp"

#include <algorithm>

#include "elves/host_address.hpp"
#include "elves/json_fields.hpp"
#include "elves/trimmed.hpp"

namespace elves {

namespace {

constexpr std::size_t max_text = 64 * 1024;

[[noreturn]] void refuse(Code code, std::string_view field, JsonValue const& value, std::string_view right)
{
    throw Error(code, field_is(field, value) + "; give " + std::string(right));
}

JsonValue const& list(Code code, std::string_view field, JsonValue const& value, std::size_t most)
{
    if (!value.is_list()) refuse(code, field, value, "a list");
    if (value.size() > most) {
        throw Error(code, "`" + std::string(field) + "` has " + std::to_string(value.size()) +
                              " entries; give at most " + std::to_string(most));
    }
    return value;
}

/// Reads each entry as `FieldType<T>` would, under the name `field[3]`.
template <class T>
std::vector<T> read_list(Code code, std::string_view field, JsonValue const& value, std::size_t most)
{
    std::vector<T> all;
    auto const& items = list(code, field, value, most);
    all.reserve(items.size());
    for (auto const& item : items) {
        auto const name = std::string(field) + "[" + std::to_string(all.size()) + "]";
        all.push_back(FieldType<T>::read(name, item));
    }
    return all;
}

} // namespace

std::string field_is(std::string_view field, JsonValue const& value)
{
    return "`" + std::string(field) + "` is " + shown(value);
}

std::string field_is(std::string_view field, std::string_view value)
{
    return "`" + std::string(field) + "` is " + shown(value);
}

std::string FieldType<std::string>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_string()) refuse(missing, field, value, "a string");
    auto const text = value.string();
    if (text.size() > max_text) {
        throw Error(missing,
            "`" + std::string(field) + "` has " + std::to_string(text.size()) + " bytes; give at most 65536");
    }
    return std::string(text);
}
void FieldType<std::string>::judge(Caller const&, std::string const&) {}

bool FieldType<bool>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_bool()) return value.boolean();
    if (value.is_string()) {
        if (value.string() == "true" || value.string() == "1") return true;
        if (value.string() == "false" || value.string() == "0") return false;
    }
    if (auto const number = whole_number(value); number && (*number == 0 || *number == 1))
        return *number == 1;
    refuse(missing, field, value, "true or false");
}
void FieldType<bool>::judge(Caller const&, bool const&) {}

std::int64_t FieldType<std::int64_t>::read(std::string_view field, JsonValue const& value)
{
    auto const number = whole_number(value);
    if (!number || *number < 0) refuse(missing, field, value, "a whole number, 0 or more");
    return *number;
}
void FieldType<std::int64_t>::judge(Caller const&, std::int64_t const&) {}

std::chrono::seconds FieldType<std::chrono::seconds>::read(std::string_view field, JsonValue const& value)
{
    constexpr std::int64_t ten_years = 315'360'000;
    auto const number = whole_number(value);
    if (!number || *number < 0 || *number > ten_years)
        refuse(missing, field, value, "whole seconds, 0 to 315360000");
    return std::chrono::seconds(*number);
}
void FieldType<std::chrono::seconds>::judge(Caller const&, std::chrono::seconds const&) {}

Ip FieldType<Ip>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_string()) {
        auto const ip = Ip::parse(value.string());
        if (ip && is_host_address(*ip)) return *ip;
        if (ip)
            refuse(
                missing, field, value, "the address of a machine: not 0.0.0.0, ::, multicast or broadcast");
    }
    refuse(missing, field, value, "an IPv4 or IPv6 address");
}
void FieldType<Ip>::judge(Caller const& caller, Ip const& ip) { caller.require(ip); }

std::vector<Ip> FieldType<std::vector<Ip>>::read(std::string_view field, JsonValue const& value)
{
    return read_list<Ip>(missing, field, value, 10'000);
}
void FieldType<std::vector<Ip>>::judge(Caller const& caller, std::vector<Ip> const& ips)
{
    for (auto const& ip : ips) caller.require(ip);
}

TaskId FieldType<TaskId>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_string()) {
        if (auto const id = TaskId::parse(value.string())) return *id;
    }
    refuse(missing, field, value, "16 hex digits");
}
void FieldType<TaskId>::judge(Caller const&, TaskId const&) {}

std::vector<TaskId> FieldType<std::vector<TaskId>>::read(std::string_view field, JsonValue const& value)
{
    return read_list<TaskId>(missing, field, value, 1'000);
}
void FieldType<std::vector<TaskId>>::judge(Caller const&, std::vector<TaskId> const&) {}

std::vector<std::string> FieldType<std::vector<std::string>>::read(
    std::string_view field, JsonValue const& value)
{
    auto all = read_list<std::string>(missing, field, value, 1'000);
    for (auto const& text : all) {
        if (text.size() > 256)
            throw Error(
                missing, "`" + std::string(field) + "` has an entry over 256 bytes; give shorter ones");
    }
    return all;
}
void FieldType<std::vector<std::string>>::judge(Caller const&, std::vector<std::string> const&) {}

std::vector<IpRange> FieldType<std::vector<IpRange>>::read(std::string_view field, JsonValue const& value)
{
    std::vector<IpRange> ranges;
    for (auto const& item : list(missing, field, value, 1'000)) {
        auto const range = item.is_string() ? IpRange::parse(trimmed(item.string())) : std::nullopt;
        if (!range) refuse(missing, field, item, "addresses, CIDR ranges, or *");
        ranges.push_back(*range);
    }
    return ranges;
}
void FieldType<std::vector<IpRange>>::judge(Caller const&, std::vector<IpRange> const&) {}

AppName FieldType<AppName>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_string() && is_name(value.string())) return {std::string(value.string())};
    refuse(missing, field, value, "1 to 64 of A-Z a-z 0-9 _ . -, not beginning with `.` or `-`");
}
void FieldType<AppName>::judge(Caller const& caller, AppName const& app) { caller.require_app(app.text); }

Instruction FieldType<Instruction>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_object()) refuse(missing, field, value, "an object with app and func");
    return Instruction::read(value);
}
void FieldType<Instruction>::judge(Caller const& caller, Instruction const& ins) { caller.require_run(ins); }

QuartzRule FieldType<QuartzRule>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_string()) refuse(missing, field, value, "a Quartz cron expression");
    return QuartzRule::parse(value.string());
}
void FieldType<QuartzRule>::judge(Caller const&, QuartzRule const&) {}

JsonDocument FieldType<JsonDocument>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_object()) refuse(missing, field, value, "an object");
    return JsonDocument(value);
}
void FieldType<JsonDocument>::judge(Caller const&, JsonDocument const&) {}

} // namespace elves
