#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "elves/error.hpp"
#include "elves/field_type.hpp"

namespace elves {

/// The field `note` of a call: why, in at most 1 KiB.
struct Note {
    std::string text;
};

template <>
struct FieldType<Note> {
    static constexpr std::string_view name = "string of 1 KiB";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 1024;
    static Note read(std::string_view field, JsonValue const& value)
    {
        auto text = FieldType<std::string>::read(field, value);
        if (text.size() > most)
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(text.size()) +
                                     " bytes; give at most 1024");
        return {std::move(text)};
    }
    static void judge(Caller const&, Note const&) {}
};

} // namespace elves
