#include "core/json_reader.hpp"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>

#include "elves/error.hpp"

namespace elves {

using boost::system::error_code;

/// Receives what Boost.JSON's parser finds and appends it to the array of values. Stops the parser at the
/// first thing that is over a limit.
class JsonBuilder {
public:
    static constexpr std::size_t max_object_size = max_object_members;
    static constexpr std::size_t max_array_size = max_json_values;
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    JsonBuilder(std::string_view source, std::vector<JsonValue>& values, std::unique_ptr<char[]>& decoded)
        : source_(source), values_(values), decoded_(decoded)
    {
    }

    [[nodiscard]] Error error_of(error_code const& failure) const
    {
        if (infinite_) {
            return Error(
                codes::bad_frame, "a number is over what a 64-bit double holds; send it as a string");
        }
        if (values_.size() > max_json_values) {
            return Error(codes::bad_frame, "the frame has more than " + std::to_string(max_json_values) +
                                               " JSON values; send fewer at a time");
        }
        if (failure == json::error::object_too_large) {
            return Error(codes::bad_frame,
                "an object has more than " + std::to_string(max_object_members) + " members; send fewer");
        }
        return Error(codes::bad_frame, "not JSON: " + failure.message() + "; expected one JSON object");
    }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code& failure) { return open(JsonValue::Kind::object, failure); }
    bool on_object_end(std::size_t size, error_code&) { return close(size); }
    bool on_array_begin(error_code& failure) { return open(JsonValue::Kind::list, failure); }
    bool on_array_end(std::size_t size, error_code&) { return close(size); }
    bool on_key_part(json::string_view part, std::size_t, error_code&) { return decode(part); }
    bool on_key(json::string_view rest, std::size_t, error_code&)
    {
        name_ = whole(rest);
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, error_code&) { return decode(part); }
    bool on_string(json::string_view rest, std::size_t, error_code& failure)
    {
        auto const text = whole(rest);
        auto* const value = add(JsonValue::Kind::string, failure);
        if (value) value->text_ = text;
        return value != nullptr;
    }
    bool on_number_part(json::string_view part, error_code&)
    {
        number_ = part;
        return true;
    }
    bool on_int64(std::int64_t number, json::string_view text, error_code& failure)
    {
        auto* const value = add_number(JsonValue::Kind::int64, text, failure);
        if (value) value->number_.int64 = number;
        return value != nullptr;
    }
    bool on_uint64(std::uint64_t number, json::string_view text, error_code& failure)
    {
        auto* const value = add_number(JsonValue::Kind::uint64, text, failure);
        if (value) value->number_.uint64 = number;
        return value != nullptr;
    }
    bool on_double(double number, json::string_view text, error_code& failure)
    {
        infinite_ = !std::isfinite(number);
        if (infinite_) failure = json::error::exponent_overflow;
        auto* const value = infinite_ ? nullptr : add_number(JsonValue::Kind::floating, text, failure);
        if (value) value->number_.floating = number;
        return value != nullptr;
    }
    bool on_bool(bool boolean, error_code& failure)
    {
        auto* const value = add(JsonValue::Kind::boolean, failure);
        if (value) value->number_.boolean = boolean;
        return value != nullptr;
    }
    bool on_null(error_code& failure) { return add(JsonValue::Kind::null, failure) != nullptr; }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

private:
    JsonValue* add(JsonValue::Kind kind, error_code& failure)
    {
        auto& value = values_.emplace_back();
        if (values_.size() > max_json_values) {
            failure = json::error::array_too_large;
            return nullptr;
        }
        value.name_ = std::exchange(name_, {});
        value.kind_ = kind;
        return &value;
    }
    /// A number at the end of the text comes in two parts, which stand there one after the other.
    JsonValue* add_number(JsonValue::Kind kind, json::string_view rest, error_code& failure)
    {
        auto* const value = add(kind, failure);
        std::string_view const part = std::exchange(number_, {});
        if (value)
            value->text_ = part.empty() ? std::string_view(rest)
                                        : std::string_view(part.data(), part.size() + rest.size());
        return value;
    }
    bool open(JsonValue::Kind kind, error_code& failure)
    {
        if (!add(kind, failure)) return false;
        open_[depth_++] = static_cast<std::uint32_t>(values_.size() - 1);
        return true;
    }
    bool close(std::size_t size)
    {
        auto const at = open_[--depth_];
        values_[at].span_ = static_cast<std::uint32_t>(values_.size() - at);
        values_[at].number_.uint64 = size;
        return true;
    }
    /// Strings with escapes come in parts, each in the parser's own memory. None is longer than what it was
    /// written as.
    bool decode(json::string_view part)
    {
        if (!decoded_) decoded_ = std::make_unique<char[]>(source_.size());
        std::copy(part.begin(), part.end(), decoded_.get() + used_ + pending_);
        pending_ += part.size();
        return true;
    }
    std::string_view whole(json::string_view rest)
    {
        bool const is_in_source =
            rest.empty() || (std::less_equal<>()(source_.data(), rest.data()) &&
                                std::less<>()(rest.data(), source_.data() + source_.size()));
        if (pending_ == 0 && is_in_source) return rest;
        decode(rest);
        std::string_view const text(decoded_.get() + used_, pending_);
        used_ += std::exchange(pending_, 0);
        return text;
    }

    std::string_view source_;
    std::vector<JsonValue>& values_;
    std::unique_ptr<char[]>& decoded_;
    std::size_t used_ = 0;    ///< Bytes of `decoded_` that hold finished strings.
    std::size_t pending_ = 0; ///< Bytes after them, of the string that is being read.
    std::string_view name_;
    std::string_view number_;
    std::array<std::uint32_t, max_json_depth + 1> open_{};
    std::size_t depth_ = 0;
    bool infinite_ = false;
};

namespace {

/// A reader that is between two texts keeps no more than this: what the longest frame of a stranger needs.
constexpr std::size_t kept_values = 8192;

} // namespace

JsonValue const& JsonReader::read(std::string_view text)
{
    keep_little();
    json::parse_options options;
    options.max_depth = max_json_depth;
    json::basic_parser<JsonBuilder> parser(options, text, values_, decoded_);
    error_code failure;
    auto const parsed = parser.write_some(false, text.data(), text.size(), failure);
    if (!failure && parsed < text.size()) failure = json::error::extra_data;
    if (failure) throw parser.handler().error_of(failure);
    return values_.front();
}

void JsonReader::keep_little()
{
    if (values_.capacity() > kept_values) std::vector<JsonValue>().swap(values_);
    values_.clear();
    decoded_.reset();
}

} // namespace elves
