#include "quota_fields.hpp"

#include <array>

namespace elves {

namespace {

struct Member {
    std::string_view name;
    std::optional<std::int64_t> Quota::*value;
    std::optional<std::optional<std::int64_t>> QuotaChange::*change;
    std::int64_t least = 0;
    std::int64_t most = 1'000'000'000'000'000;
};

constexpr std::array members{Member{"waiting_tasks", &Quota::waiting_tasks, &QuotaChange::waiting_tasks},
    Member{"waiting_bytes", &Quota::waiting_bytes, &QuotaChange::waiting_bytes},
    Member{"workers", &Quota::workers, &QuotaChange::workers, 1, 1000},
    Member{"cron_jobs", &Quota::cron_jobs, &QuotaChange::cron_jobs},
    Member{"bytes_per_day", &Quota::bytes_per_day, &QuotaChange::bytes_per_day}};

} // namespace

void QuotaChange::apply_to(Quota& quota) const
{
    for (auto const& member : members) {
        if (auto const& given = this->*member.change) quota.*member.value = *given;
    }
}

std::string quota_column(Quota const& quota)
{
    json::object fields;
    for (auto const& member : members) {
        if (auto const& value = quota.*member.value) fields[member.name] = *value;
    }
    return json::serialize(fields);
}

Quota quota_of_column(std::string_view column)
{
    auto const fields = json::parse(column).as_object();
    Quota quota;
    for (auto const& member : members) {
        auto const* const value = fields.if_contains(member.name);
        if (value) quota.*member.value = value->as_int64();
    }
    return quota;
}

std::string quota_patch(QuotaChange const& change)
{
    json::object fields;
    for (auto const& member : members) {
        auto const& given = change.*member.change;
        if (given) fields[member.name] = *given ? json::value(**given) : json::value(nullptr);
    }
    return json::serialize(fields);
}

json::object quota_fields(Quota const& quota)
{
    json::object fields;
    for (auto const& member : members) {
        auto const& value = quota.*member.value;
        fields[member.name] = value ? std::to_string(*value) : "";
    }
    return fields;
}

json::object usage_fields(KeyUsage const& usage)
{
    return {{"waiting_tasks", std::to_string(usage.waiting_tasks)},
        {"waiting_bytes", std::to_string(usage.waiting_bytes)},
        {"cron_jobs", std::to_string(usage.cron_jobs)}, {"bytes_today", std::to_string(usage.bytes_today)}};
}

QuotaChange FieldType<QuotaChange>::read(std::string_view field, JsonValue const& value)
{
    if (!value.is_object()) throw Error(missing, field_is(field, value) + "; give an object");
    QuotaChange change;
    for (auto const& member : members) {
        auto const* const given = value.find(member.name);
        if (!given) continue;
        auto const path = std::string(field) + "." + std::string(member.name);
        auto& changed = (change.*member.change).emplace();
        if (given->is_string() && given->string().empty()) continue;
        changed = FieldType<std::int64_t>::read(path, *given);
        if (*changed < member.least || *changed > member.most) {
            throw Error(missing, field_is(path, *given) + "; give a whole number from " +
                                     std::to_string(member.least) + " to " + std::to_string(member.most) +
                                     ", or \"\" for the default");
        }
    }
    return change;
}

} // namespace elves
