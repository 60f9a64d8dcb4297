#include "agent/own_job.hpp"

#include "elves/error.hpp"
#include "elves/field_type.hpp"
#include "elves/json_fields.hpp"
#include "elves/method_table.hpp"

namespace elves::agent {

namespace {

/// Null where it is not there, or "".
JsonValue const* given(JsonValue const& entry, std::string_view field)
{
    auto const* const value = entry.find(field);
    return value && value->is_string() && value->string().empty() ? nullptr : value;
}

template <class T>
T needed(JsonValue const& entry, std::string_view field)
{
    auto const* const value = given(entry, field);
    if (!value) throw_missing(FieldType<T>::missing, field, FieldType<T>::name);
    return FieldType<T>::read(field, *value);
}

/// Which of `words` it is; the first where it is not given.
std::size_t choice(
    JsonValue const& entry, std::string_view field, std::initializer_list<std::string_view> words)
{
    auto const* const value = given(entry, field);
    if (!value) return 0;
    std::size_t number = 0;
    for (auto const word : words) {
        if (value->is_string() && value->string() == word) return number;
        ++number;
    }
    throw Error(codes::bad_field, "`" + std::string(field) + "` is " + shown(*value) +
                                      "; it is none of the words that this field may be");
}

std::optional<Instant> instant(JsonValue const& entry, std::string_view field)
{
    if (!given(entry, field)) return std::nullopt;
    return Instant(std::chrono::milliseconds(needed<std::int64_t>(entry, field)));
}

Zone zone_of(JsonValue const& entry, Zone const& otherwise)
{
    if (!given(entry, "timezone")) return otherwise;
    auto const name = needed<std::string>(entry, "timezone");
    auto const zone = Zone::named(name);
    if (!zone)
        throw Error(codes::bad_field, "`timezone` is " + name + ", which the agent's machine does not know");
    return *zone;
}

} // namespace

Account account_of(std::string id, std::optional<std::int64_t> workers)
{
    constexpr std::int64_t most = 1000;
    if (workers && (*workers < 0 || *workers > most))
        throw Error(codes::bad_field, "`workers` is " + std::to_string(*workers) + "; give 0 to 1000");
    return {std::move(id), workers};
}

OwnJob OwnJob::read(JsonValue const& entry, Zone const& otherwise)
{
    OwnJob job{needed<TaskId>(entry, "cron_id"), needed<QuartzRule>(entry, "rule"), zone_of(entry, otherwise),
        needed<Instruction>(entry, "ins")};
    job.on = !given(entry, "cron_flag") || needed<bool>(entry, "cron_flag");
    job.misfire = static_cast<Misfire>(choice(entry, "misfire", {"skip", "once"}));
    job.overlap = static_cast<Overlap>(choice(entry, "overlap", {"skip", "allow", "replace"}));
    if (given(entry, "jitter")) job.jitter = needed<std::chrono::seconds>(entry, "jitter");
    job.start = instant(entry, "start_at");
    job.end = instant(entry, "end_at");
    job.since = instant(entry, "since");
    if (given(entry, "account")) {
        std::optional<std::int64_t> workers;
        if (given(entry, "workers")) workers = needed<std::int64_t>(entry, "workers");
        job.account = account_of(needed<std::string>(entry, "account"), workers);
    }
    return job;
}

bool OwnJob::same_times(OwnJob const& other) const
{
    return rule.text() == other.rule.text() && zone.name() == other.zone.name() && on == other.on &&
           jitter == other.jitter && start == other.start && end == other.end;
}

cron_life::Job OwnJob::life() const
{
    return {rule, zone, cron_life::delay_of(id, jitter), start, end, misfire, overlap};
}

} // namespace elves::agent
