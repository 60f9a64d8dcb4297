#include "elves/cron_fields.hpp"

namespace elves {

namespace {

constexpr Choice<Misfire> misfires[] = {{Misfire::skip, "skip"}, {Misfire::once, "once"}};
constexpr Choice<Overlap> overlaps[] = {
    {Overlap::skip, "skip"}, {Overlap::allow, "allow"}, {Overlap::replace, "replace"}};

} // namespace

std::string_view misfire_text(Misfire misfire) noexcept { return choice_text(misfires, misfire); }
std::string_view overlap_text(Overlap overlap) noexcept { return choice_text(overlaps, overlap); }

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

} // namespace elves
