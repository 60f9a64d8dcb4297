#include "rpc/frame_json.hpp"

namespace elves {

std::variant<JsonValue const*, Error> read_frame(JsonReader& reader, std::string_view text)
{
    try {
        auto const& frame = reader.read(text);
        if (frame.is_object()) return &frame;
        return Error(codes::bad_frame, "not a JSON object; expected {\"mqt\":\"call\",…}");
    } catch (Error const& error) {
        return error;
    }
}

} // namespace elves
