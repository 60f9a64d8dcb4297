#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "elves/field_type.hpp"
#include "elves/json_fields.hpp"
#include "fleet.hpp"

// How fleet's own field types travel.
namespace elves {

template <>
struct FieldType<TargetText> {
    static constexpr std::string_view name = "target";
    static constexpr Code missing = codes::bad_target;
    static TargetText read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_string()) throw Error(missing, field_is(field, value) + "; give a target expression");
        return {std::string(value.string())};
    }
    static void judge(Caller const&, TargetText const&) {}
};

template <>
struct FieldType<LabelsGiven> {
    static constexpr std::string_view name = "object of key: value";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = FleetLabels::most_of_one;
    static LabelsGiven read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_object()) throw Error(missing, field_is(field, value) + "; give an object");
        if (value.size() > most)
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(value.size()) +
                                     " entries; give at most 32");
        LabelsGiven given;
        for (auto const& member : value) {
            auto const key = std::string(member.name());
            require_label_key(field, key);
            auto const place = std::string(field) + "." + key;
            if (!member.is_string() || !is_label_value(member.string()))
                throw Error(missing,
                    field_is(place, member) + "; give 1 to 128 characters without control characters");
            given.labels.insert_or_assign(key, std::string(member.string()));
        }
        return given;
    }
    static void judge(Caller const&, LabelsGiven const&) {}

    static void require_label_key(std::string_view field, std::string const& key)
    {
        if (is_label_key(key)) return;
        throw Error(missing,
            "`" + std::string(field) + "` has the key " + shown(std::string_view(key)) +
                "; give [a-z][a-z0-9_]{0,31}, and no name of a field or word of the target language");
    }
};

} // namespace elves
