#include "cron_job.hpp"

namespace elves {

namespace {

template <class T>
struct Choice {
    T value;
    std::string_view text;
};

constexpr Choice<CronType> types[] = {{CronType::center, "center"}, {CronType::self, "self"}};
constexpr Choice<Misfire> misfires[] = {{Misfire::skip, "skip"}, {Misfire::once, "once"}};
constexpr Choice<Overlap> overlaps[] = {
    {Overlap::skip, "skip"}, {Overlap::allow, "allow"}, {Overlap::replace, "replace"}};

template <class Choices, class T>
std::string_view text_of(Choices const& choices, T value) noexcept
{
    for (auto const& choice : choices) {
        if (choice.value == value) return choice.text;
    }
    return {};
}

template <class Choices>
auto choose(Choices const& choices, std::string_view name, std::string_view field, JsonValue const& value)
{
    for (auto const& choice : choices) {
        if (value.is_string() && value.string() == choice.text) return choice.value;
    }
    throw Error(codes::bad_field, field_is(field, value) + "; give " + std::string(name));
}

} // namespace

std::string_view type_text(CronType type) noexcept { return text_of(types, type); }
std::string_view misfire_text(Misfire misfire) noexcept { return text_of(misfires, misfire); }
std::string_view overlap_text(Overlap overlap) noexcept { return text_of(overlaps, overlap); }

CronType FieldType<CronType>::read(std::string_view field, JsonValue const& value)
{
    return choose(types, name, field, value);
}

Misfire FieldType<Misfire>::read(std::string_view field, JsonValue const& value)
{
    return choose(misfires, name, field, value);
}

Overlap FieldType<Overlap>::read(std::string_view field, JsonValue const& value)
{
    return choose(overlaps, name, field, value);
}

Zone FieldType<Zone>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_string()) {
        if (auto const zone = Zone::named(value.string())) return *zone;
    }
    throw Error(codes::bad_field,
        field_is(field, value) + "; give a time zone that the server knows, such as Europe/Berlin or UTC");
}

Jitter FieldType<Jitter>::read(std::string_view field, JsonValue const& value)
{
    auto const most = FieldType<std::int64_t>::read(field, value);
    if (most < 0 || most > Jitter::longest.count()) {
        throw Error(codes::bad_field, field_is(field, value) + "; give 0 to 86400 seconds");
    }
    return {std::chrono::seconds(most)};
}

JobName FieldType<JobName>::read(std::string_view field, JsonValue const& value)
{
    if (value.is_string() && is_name(value.string())) return {std::string(value.string())};
    throw Error(codes::bad_field, field_is(field, value) +
                                      "; give 1 to 64 of A-Z a-z 0-9 _ . -, not beginning "
                                      "with . or -");
}

bool same_times(CronJob const& a, CronJob const& b)
{
    auto const zone = [](CronJob const& job) { return job.zone ? job.zone->name() : std::string(); };
    return a.rule.text() == b.rule.text() && zone(a) == zone(b) && a.jitter.most == b.jitter.most &&
           a.start == b.start && a.end == b.end && a.type == b.type;
}

bool is_fired_here(CronJob const& job)
{
    if (!job.on) return false;
    return job.type == CronType::center ? job.agent_knows == AgentKnows::nothing : !job.refused.empty();
}

cron_life::Job life_of(CronJob const& job, Zone const& server)
{
    return {job.rule, job.zone.value_or(server), cron_life::delay_of(job.id, job.jitter.most), job.start,
        job.end, job.misfire, job.overlap};
}

} // namespace elves
