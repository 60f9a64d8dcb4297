#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "elves/field_type.hpp"
#include "elves/json_fields.hpp"
#include "run_spec.hpp"

// How the types of a run's fields travel.
namespace elves {

#define ELVES_RUN_FIELD(Type, type_name, missing_code)                                                       \
    template <>                                                                                              \
    struct FieldType<Type> {                                                                                 \
        static constexpr std::string_view name = type_name;                                                  \
        static constexpr Code missing = missing_code;                                                        \
        static Type read(std::string_view field, JsonValue const& value);                                    \
        static void judge(Caller const& caller, Type const& value);                                          \
    }

ELVES_RUN_FIELD(RunTarget, "target", codes::bad_target);
ELVES_RUN_FIELD(RunIns, "ins of a run", codes::bad_field);
ELVES_RUN_FIELD(RunAmount, "number or percentage", codes::bad_field);
ELVES_RUN_FIELD(RunWaves, "numbers and percentages", codes::bad_field);
ELVES_RUN_FIELD(RunPause, "seconds or ask", codes::bad_field);
ELVES_RUN_FIELD(RunOrder, "address, random or spread:FIELD", codes::bad_field);
ELVES_RUN_FIELD(RunSilent, "name or fail", codes::bad_field);
ELVES_RUN_FIELD(RunDedup, "string of 64 characters", codes::bad_field);
#undef ELVES_RUN_FIELD

} // namespace elves
