#include "elves/json_value.hpp"

#include <utility>

#include "elves/json_members.hpp"

namespace elves {

namespace {

void append_json(std::string& out, JsonValue const& value)
{
    char const* comma = "";
    switch (value.kind()) {
    case JsonValue::Kind::null:
        out += "null";
        break;
    case JsonValue::Kind::boolean:
        out += value.boolean() ? "true" : "false";
        break;
    case JsonValue::Kind::int64:
    case JsonValue::Kind::uint64:
    case JsonValue::Kind::floating:
        out += value.number_text();
        break;
    case JsonValue::Kind::string:
        append_json_string(out, value.string());
        break;
    case JsonValue::Kind::list:
        out += '[';
        for (auto const& item : value) {
            out += std::exchange(comma, ",");
            append_json(out, item);
        }
        out += ']';
        break;
    case JsonValue::Kind::object:
        out += '{';
        for (auto const& member : value) {
            out += std::exchange(comma, ",");
            append_json_string(out, member.name());
            out += ':';
            append_json(out, member);
        }
        out += '}';
        break;
    }
}

} // namespace

JsonValue const* JsonValue::find(std::string_view name) const noexcept
{
    if (!is_object()) return nullptr;
    JsonValue const* found = nullptr;
    for (auto const& member : *this) {
        if (member.name_ == name) found = &member;
    }
    return found;
}

std::string json_text(JsonValue const& value)
{
    std::string out;
    append_json(out, value);
    return out;
}

json::value to_boost_json(JsonValue const& value)
{
    switch (value.kind()) {
    case JsonValue::Kind::null:
        return nullptr;
    case JsonValue::Kind::boolean:
        return value.boolean();
    case JsonValue::Kind::int64:
        return value.int64();
    case JsonValue::Kind::uint64:
        return value.uint64();
    case JsonValue::Kind::floating:
        return value.floating();
    case JsonValue::Kind::string:
        return json::value(value.string());
    case JsonValue::Kind::list:
        break;
    case JsonValue::Kind::object: {
        json::object object;
        object.reserve(value.size());
        for (auto const& member : value) object[member.name()] = to_boost_json(member);
        return object;
    }
    }
    json::array list;
    list.reserve(value.size());
    for (auto const& item : value) list.push_back(to_boost_json(item));
    return list;
}

} // namespace elves
