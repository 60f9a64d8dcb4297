#include "rpc/frame_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <cmath>

namespace elves {

namespace {

using boost::system::error_code;

/// Builds the value as Boost.JSON's own parser does, and stops at the first thing that is over a limit. A
/// limit that were checked afterwards would come too late: an object's table is filled while it is parsed,
/// and a sender who knows the table's hash function can make each insertion walk all earlier ones.
class LimitedBuilder {
public:
    static constexpr std::size_t max_object_size = max_object_members;
    static constexpr std::size_t max_array_size = max_frame_values;
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    explicit LimitedBuilder(json::storage_ptr memory) { stack_.reset(std::move(memory)); }

    json::value release() { return stack_.release(); }
    [[nodiscard]] bool has_too_many_values() const noexcept { return values_ > max_frame_values; }
    [[nodiscard]] bool has_infinite_number() const noexcept { return infinite_; }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code& failure) { return count(failure); }
    bool on_object_end(std::size_t size, error_code&) { return stack_.push_object(size), true; }
    bool on_array_begin(error_code& failure) { return count(failure); }
    bool on_array_end(std::size_t size, error_code&) { return stack_.push_array(size), true; }
    bool on_key_part(json::string_view part, std::size_t, error_code&)
    {
        return stack_.push_chars(part), true;
    }
    bool on_key(json::string_view rest, std::size_t, error_code&) { return stack_.push_key(rest), true; }
    bool on_string_part(json::string_view part, std::size_t, error_code&)
    {
        return stack_.push_chars(part), true;
    }
    bool on_string(json::string_view rest, std::size_t, error_code& failure)
    {
        return count(failure) && (stack_.push_string(rest), true);
    }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t number, json::string_view, error_code& failure)
    {
        return count(failure) && (stack_.push_int64(number), true);
    }
    bool on_uint64(std::uint64_t number, json::string_view, error_code& failure)
    {
        return count(failure) && (stack_.push_uint64(number), true);
    }
    bool on_double(double number, json::string_view, error_code& failure)
    {
        // Boost.JSON reads 1e400 as infinity, which can't be written again as JSON.
        infinite_ = !std::isfinite(number);
        if (infinite_) failure = json::error::exponent_overflow;
        return !infinite_ && count(failure) && (stack_.push_double(number), true);
    }
    bool on_bool(bool value, error_code& failure)
    {
        return count(failure) && (stack_.push_bool(value), true);
    }
    bool on_null(error_code& failure) { return count(failure) && (stack_.push_null(), true); }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

private:
    bool count(error_code& failure)
    {
        if (++values_ <= max_frame_values) return true;
        failure = json::error::array_too_large;
        return false;
    }

    json::value_stack stack_;
    std::size_t values_ = 0;
    bool infinite_ = false;
};

Error fault(LimitedBuilder const& builder, error_code const& failure)
{
    if (builder.has_infinite_number())
        return Error(codes::bad_frame, "a number is over what a 64-bit double holds; give a string");
    if (builder.has_too_many_values()) {
        return Error(codes::bad_frame, "the frame has more than " + std::to_string(max_frame_values) +
                                           " JSON values; send fewer at a time");
    }
    if (failure == json::error::object_too_large) {
        return Error(codes::bad_frame,
            "an object has more than " + std::to_string(max_object_members) + " members; send fewer");
    }
    return Error(codes::bad_frame, "not JSON: " + failure.message() + "; give one JSON object");
}

} // namespace

std::variant<json::object, Error> read_frame(std::string_view text, json::storage_ptr memory)
{
    json::basic_parser<LimitedBuilder> parser(json::parse_options{}, std::move(memory));
    error_code failure;
    auto const parsed = parser.write_some(false, text.data(), text.size(), failure);
    if (!failure && parsed < text.size()) failure = json::error::extra_data;
    if (failure) return fault(parser.handler(), failure);
    auto value = parser.handler().release();
    if (!value.is_object()) return Error(codes::bad_frame, "not a JSON object; give {\"mqt\":\"call\",…}");
    return std::move(value.get_object());
}

} // namespace elves
