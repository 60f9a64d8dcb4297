#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "elves/json.hpp"

namespace elves::sim {

/// A response, as a client hears it.
struct Heard {
    bool flag = false;
    std::string error_info;
    json::object fields;

    [[nodiscard]] bool is_error(std::string_view code) const
    {
        return !flag && error_info.starts_with("[" + std::string(code) + "]");
    }
};
/// Nothing: there was no response, for whatever reason.
using Answer = std::optional<Heard>;

/// A text field; empty where there is none.
[[nodiscard]] inline std::string text(json::object const& fields, std::string_view field)
{
    auto const* const value = fields.if_contains(field);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

} // namespace elves::sim
