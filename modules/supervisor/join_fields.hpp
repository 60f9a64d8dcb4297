#pragma once

#include <string>
#include <string_view>

#include "elves/field_type.hpp"
#include "elves/trimmed.hpp"
#include "joins.hpp"
#include "supervisor_fields.hpp"

// How the field types of joining travel.
namespace elves {

template <>
struct FieldType<TokenHash> {
    static constexpr std::string_view name = "sha-256 in hex";
    static constexpr Code missing = codes::bad_field;
    static TokenHash read(std::string_view field, JsonValue const& value)
    {
        constexpr std::size_t digits = 64;
        if (!value.is_string() || value.string().size() != digits ||
            value.string().find_first_not_of("0123456789abcdef") != std::string_view::npos)
            throw Error(missing, field_is(field, value) + "; give 64 lower-case hex digits");
        return {std::string(value.string())};
    }
    static void judge(Caller const&, TokenHash const&) {}
};

template <>
struct FieldType<JoinRange> {
    static constexpr std::string_view name = "ip range";
    static constexpr Code missing = codes::bad_field;
    static JoinRange read(std::string_view field, JsonValue const& value)
    {
        auto const range = value.is_string() ? IpRange::parse(trimmed(value.string())) : std::nullopt;
        if (!range || range->text() == "*")
            throw Error(missing, field_is(field, value) + "; give a CIDR range such as 10.0.0.0/24");
        return {*range};
    }
    static void judge(Caller const&, JoinRange const&) {}
};

} // namespace elves
