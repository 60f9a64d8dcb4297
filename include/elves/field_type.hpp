#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/caller.hpp"
#include "elves/error.hpp"
#include "elves/instruction.hpp"
#include "elves/ip.hpp"
#include "elves/json_document.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// An app's name, `[A-Za-z0-9_.-]{1,64}`, not beginning with `.` or `-`.
struct AppName {
    std::string text;
};

/// How a type travels: `name` (for elves.methods), `missing` (the code when it isn't there), `read` (throws
/// Error 403.x that names the field), and `judge`: throws Error 401.6 where the caller may not touch what the
/// value stands for. A module gives its own types one of these.
template <class T>
struct FieldType;

#define ELVES_FIELD_TYPE(Type, type_name, missing_code)                                                      \
    template <>                                                                                              \
    struct FieldType<Type> {                                                                                 \
        static constexpr std::string_view name = type_name;                                                  \
        static constexpr Code missing = missing_code;                                                        \
        static Type read(std::string_view field, JsonValue const& value);                                    \
        static void judge(Caller const& caller, Type const& value);                                          \
    }

ELVES_FIELD_TYPE(std::string, "string", codes::bad_field); ///< At most 64 KiB.
ELVES_FIELD_TYPE(bool, "true or false", codes::bad_field); ///< Also as the strings, and 1 and 0.
ELVES_FIELD_TYPE(std::int64_t, "whole number", codes::bad_field);
ELVES_FIELD_TYPE(std::chrono::seconds, "seconds", codes::bad_field); ///< 0 to 10 years.
ELVES_FIELD_TYPE(Ip, "ip", codes::bad_ip);
ELVES_FIELD_TYPE(std::vector<Ip>, "list of ip", codes::bad_ip); ///< Up to 10,000.
ELVES_FIELD_TYPE(TaskId, "id", codes::bad_id);
ELVES_FIELD_TYPE(std::vector<TaskId>, "list of id", codes::bad_id);             ///< Up to 1,000.
ELVES_FIELD_TYPE(std::vector<std::string>, "list of string", codes::bad_field); ///< Up to 1,000 of 256 bytes.
ELVES_FIELD_TYPE(std::vector<IpRange>, "list of ip range", codes::bad_field);   ///< Up to 1,000.
ELVES_FIELD_TYPE(AppName, "app name", codes::bad_app);
ELVES_FIELD_TYPE(Instruction, "ins", codes::bad_field);
ELVES_FIELD_TYPE(QuartzRule, "cron rule", codes::bad_rule);
ELVES_FIELD_TYPE(JsonDocument, "object", codes::bad_field); ///< A copy that outlives the frame.
#undef ELVES_FIELD_TYPE

template <class T>
struct FieldType<std::optional<T>> {
    static constexpr std::string_view name = FieldType<T>::name;
    static constexpr Code missing = FieldType<T>::missing;
    static std::optional<T> read(std::string_view field, JsonValue const& value)
    {
        return FieldType<T>::read(field, value);
    }
    static void judge(Caller const& caller, std::optional<T> const& value)
    {
        if (value) FieldType<T>::judge(caller, *value);
    }
};

/// "`field` is 5; give text", as every Error about a field begins.
[[nodiscard]] std::string field_is(std::string_view field, JsonValue const& value);
[[nodiscard]] std::string field_is(std::string_view field, std::string_view value);

} // namespace elves
