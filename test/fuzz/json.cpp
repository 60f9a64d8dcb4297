// A frame's text is read as Boost.JSON reads it, or refused; and never kept at much more than its own size.
#include "elves/json_value.hpp"

#include <algorithm>
#include <cmath>

#include "core/json_reader.hpp"
#include "core/utf8.hpp"
#include "elves/json_document.hpp"
#include "elves/json_fields.hpp"
#include "fuzz_target.hpp"
#include "rpc/frame_json.hpp"

using namespace elves;

namespace {

/// How deep lists and objects are nested, by the text alone.
std::size_t depth_of(std::string_view text)
{
    std::size_t depth = 0;
    std::size_t deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const c = text[i];
        if (quoted && c == '\\') ++i;
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
        if ((c == ']' || c == '}') && depth > 0) --depth;
    }
    return deepest;
}

/// The digits of a number without what changes nothing: leading zeros, and the sign of a zero.
std::string without_zeros(std::string_view digits)
{
    bool const is_negative = digits.starts_with('-');
    if (is_negative) digits.remove_prefix(1);
    auto const first = digits.find_first_not_of('0');
    if (first == std::string_view::npos) return "0";
    return (is_negative ? "-" : "") + std::string(digits.substr(first));
}

void numbers(JsonValue const& value)
{
    auto const number = whole_number(value);
    if (!number) return;
    PROMISE(whole_number(std::to_string(*number)) == number);
    if (value.is_string()) PROMISE(without_zeros(value.string()) == std::to_string(*number));
}

/// How many values it is, itself among them.
std::size_t each(JsonValue const& value)
{
    auto const text = shown(value);
    PROMISE(text.size() <= 51 && is_utf8(text));
    PROMISE(std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }));
    numbers(value);
    std::size_t values = 1;
    if (!value.is_list() && !value.is_object()) return values;
    std::size_t size = 0;
    for (auto const& part : value) {
        PROMISE(is_utf8(part.name()) && (value.is_object() || part.name().empty()));
        if (value.is_object()) PROMISE(value.find(part.name()) >= &part);
        values += each(part);
        ++size;
    }
    PROMISE(size == value.size());
    PROMISE(value.is_list() || size <= max_object_members);
    return values;
}

/// Boost.JSON keeps the last of several members of a name.
bool same(JsonValue const& ours, json::value const& theirs) { return to_boost_json(ours) == theirs; }

void understood(JsonValue const& frame, std::string_view text)
{
    PROMISE(is_utf8(text));
    PROMISE(depth_of(text) <= max_json_depth);
    PROMISE(each(frame) <= max_json_values);
    json::error_code failure;
    auto const theirs = json::parse(text, failure);
    PROMISE(!failure && same(frame, theirs));
    JsonDocument const copy(frame);
    PROMISE(json_text(copy.root()) == json_text(frame));
    auto const again = JsonDocument::parse(json_text(frame));
    PROMISE(json_text(again.root()) == json_text(frame) && same(again.root(), theirs));
}

void refused(Error const& error, std::string_view text)
{
    PROMISE(error.code() == codes::bad_frame);
    std::string_view const why = error.what();
    PROMISE(is_utf8(why) && why.size() < 200);
    // Nothing is refused for its depth that isn't deep.
    bool const is_for_depth = why.find("too deep") != std::string_view::npos;
    PROMISE(!is_for_depth || depth_of(text) > max_json_depth);
    if (!why.starts_with("not JSON")) return;
    json::error_code failure;
    (void)json::parse(text, failure);
    PROMISE(failure);
}

} // namespace

FUZZ_TARGET(json)
{
    JsonReader reader;
    auto const frame = read_frame(reader, input);
    if (auto const* const error = std::get_if<Error>(&frame)) {
        refused(*error, input);
    } else {
        understood(*std::get<JsonValue const*>(frame), input);
    }
}
