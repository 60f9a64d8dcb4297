#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "elves/error.hpp"
#include "elves/field_type.hpp"

namespace elves {

/// Which functions of which apps, as a key's `apps` has them (see Key::apps).
struct AppGlobs {
    std::vector<std::string> entries;

    [[nodiscard]] bool covers(Instruction const& ins) const { return covers(entries, ins); }
    [[nodiscard]] static bool covers(std::vector<std::string> const& entries, Instruction const& ins);
    /// Some function of that app.
    [[nodiscard]] static bool covers_app(std::vector<std::string> const& entries, std::string_view app);
};

template <>
struct FieldType<AppGlobs> {
    static constexpr std::string_view name = "list of app, app.func glob or *";
    static constexpr Code missing = codes::bad_field;
    static AppGlobs read(std::string_view field, JsonValue const& value);
    static void judge(Caller const&, AppGlobs const&) {}
};

} // namespace elves
