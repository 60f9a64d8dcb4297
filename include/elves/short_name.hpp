#pragma once

#include <string>
#include <string_view>

#include "elves/error.hpp"
#include "elves/field_type.hpp"

namespace elves {

/// What people name things by: groups, windows, caps. `[a-z0-9][a-z0-9_.-]{0,63}`.
struct ShortName {
    std::string text;
};

[[nodiscard]] bool is_short_name(std::string_view name) noexcept;

template <>
struct FieldType<ShortName> {
    static constexpr std::string_view name = "short name";
    static constexpr Code missing = codes::bad_field;
    static ShortName read(std::string_view field, JsonValue const& value)
    {
        if (value.is_string() && is_short_name(value.string())) return {std::string(value.string())};
        throw Error(missing, field_is(field, value) + "; give [a-z0-9][a-z0-9_.-]{0,63}");
    }
    static void judge(Caller const&, ShortName const&) {}
};

} // namespace elves
