#include "cron_job.hpp"

namespace elves {

namespace {

constexpr Choice<CronType> types[] = {{CronType::center, "center"}, {CronType::self, "self"}};

} // namespace

std::string_view type_text(CronType type) noexcept { return choice_text(types, type); }

CronType FieldType<CronType>::read(std::string_view field, JsonValue const& value)
{
    return choose(types, name, field, value);
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
