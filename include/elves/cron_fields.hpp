#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "elves/cron_life.hpp"
#include "elves/error.hpp"
#include "elves/field_type.hpp"
#include "elves/zone.hpp"

// How what cron jobs and schedules have in common travels.
namespace elves {

/// Up to that many seconds later than the rule says, 0 to `longest`.
struct Jitter {
    static constexpr std::chrono::seconds longest{86'400};
    std::chrono::seconds most{0};
};

[[nodiscard]] std::string_view misfire_text(Misfire misfire) noexcept;
[[nodiscard]] std::string_view overlap_text(Overlap overlap) noexcept;

/// One of several words.
template <class T>
struct Choice {
    T value;
    std::string_view text;
};
template <class Choices, class T>
[[nodiscard]] std::string_view choice_text(Choices const& choices, T value) noexcept
{
    auto const found = std::find_if(
        std::begin(choices), std::end(choices), [&](auto const& choice) { return choice.value == value; });
    return found == std::end(choices) ? std::string_view() : found->text;
}
/// Throws Error 403.10 that says `name`: what would be right.
template <class Choices>
[[nodiscard]] auto choose(
    Choices const& choices, std::string_view name, std::string_view field, JsonValue const& value)
{
    for (auto const& choice : choices) {
        if (value.is_string() && value.string() == choice.text) return choice.value;
    }
    throw Error(codes::bad_field, field_is(field, value) + "; give " + std::string(name));
}

#define ELVES_CRON_FIELD_TYPE(Type, type_name)                                                               \
    template <>                                                                                              \
    struct FieldType<Type> {                                                                                 \
        static constexpr std::string_view name = type_name;                                                  \
        static constexpr Code missing = codes::bad_field;                                                    \
        static Type read(std::string_view field, JsonValue const& value);                                    \
        static void judge(Caller const&, Type const&) {}                                                     \
    }

ELVES_CRON_FIELD_TYPE(Misfire, "skip or once");
ELVES_CRON_FIELD_TYPE(Overlap, "skip, allow or replace");
ELVES_CRON_FIELD_TYPE(Zone, "time zone");
ELVES_CRON_FIELD_TYPE(Jitter, "seconds");
#undef ELVES_CRON_FIELD_TYPE

} // namespace elves
