#include "rpc/frame_json.hpp"

namespace elves {

std::variant<json::object, Error> read_frame(std::string_view text, json::storage_ptr memory)
{
    boost::system::error_code failure;
    auto value = json::parse(text, failure, std::move(memory));
    if (failure) return Error(codes::bad_frame, "not JSON: " + failure.message() + "; give one JSON object");
    if (!value.is_object()) return Error(codes::bad_frame, "not a JSON object; give {\"mqt\":\"call\",…}");
    return std::move(value.get_object());
}

} // namespace elves
