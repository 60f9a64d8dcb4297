#include "rpc/frame_json.hpp"

#include <algorithm>
#include <cmath>

namespace elves {

namespace {

/// Boost.JSON reads 1e400 as infinity, and would write that as `Infinity`, which is no JSON.
bool is_writable(json::value const& value)
{
    if (auto const* const number = value.if_double()) return std::isfinite(*number);
    if (auto const* const array = value.if_array())
        return std::all_of(array->begin(), array->end(), is_writable);
    auto const* const object = value.if_object();
    return !object || std::all_of(object->begin(), object->end(),
                          [](auto const& field) { return is_writable(field.value()); });
}

} // namespace

std::variant<json::object, Error> read_frame(std::string_view text, json::storage_ptr memory)
{
    boost::system::error_code failure;
    auto value = json::parse(text, failure, std::move(memory));
    if (failure) return Error(codes::bad_frame, "not JSON: " + failure.message() + "; give one JSON object");
    if (!value.is_object()) return Error(codes::bad_frame, "not a JSON object; give {\"mqt\":\"call\",…}");
    if (!is_writable(value))
        return Error(codes::bad_frame, "a number is over what a 64-bit double holds; give a string");
    return std::move(value.get_object());
}

} // namespace elves
