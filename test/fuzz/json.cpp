// A frame's text becomes an object or a refusal, never anything else, and never much larger than the text.
#include "elves/json.hpp"

#include <algorithm>
#include <memory_resource>

#include "core/utf8.hpp"
#include "elves/json_fields.hpp"
#include "fuzz_target.hpp"
#include "rpc/frame_json.hpp"

using namespace elves;

namespace {

constexpr std::size_t max_depth = 32;

/// Counts what a frame makes us keep.
class CountingMemory final : public json::memory_resource {
public:
    std::size_t most = 0;

private:
    void* do_allocate(std::size_t size, std::size_t alignment) override
    {
        most = std::max(most, held_ += size);
        return heap_->allocate(size, alignment);
    }
    void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override
    {
        held_ -= size;
        heap_->deallocate(memory, size, alignment);
    }
    bool do_is_equal(json::memory_resource const& other) const noexcept override { return this == &other; }

    json::storage_ptr heap_;
    std::size_t held_ = 0;
};

/// How deep arrays and objects lie in each other, by the text alone.
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

/// The digits of a number without what changes nothing: zeros before it, and the sign of a zero.
std::string without_zeros(std::string_view digits)
{
    bool const below_zero = digits.starts_with('-');
    if (below_zero) digits.remove_prefix(1);
    auto const first = digits.find_first_not_of('0');
    if (first == std::string_view::npos) return "0";
    return (below_zero ? "-" : "") + std::string(digits.substr(first));
}

void numbers(json::value const& value)
{
    auto const number = whole_number(value);
    if (!number) return;
    PROMISE(whole_number(json::value(*number)) == number);
    if (!value.is_string()) return;
    PROMISE(without_zeros(value.get_string()) == std::to_string(*number));
}

void each(json::value const& value)
{
    auto const text = shown(value);
    PROMISE(text.size() <= 51 && is_utf8(text));
    PROMISE(std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }));
    numbers(value);
    if (auto const* const object = value.if_object()) {
        for (auto const& [key, inner] : *object) {
            PROMISE(is_utf8(key));
            each(inner);
        }
    } else if (auto const* const array = value.if_array()) {
        for (auto const& inner : *array) each(inner);
    }
}

/// The same but for the last digit of a fraction, of which the parser is not sure.
bool alike(json::value const& a, json::value const& b)
{
    if (a.is_double() && b.is_double()) {
        auto const x = a.get_double();
        auto const y = b.get_double();
        return x == y || std::abs(x - y) <= std::abs(x) * 1e-14 || std::abs(x) < 1e-300;
    }
    if (a.is_array() && b.is_array()) {
        return std::equal(
            a.get_array().begin(), a.get_array().end(), b.get_array().begin(), b.get_array().end(), alike);
    }
    if (!a.is_object() || !b.is_object()) return a == b;
    auto const& left = a.get_object();
    auto const& right = b.get_object();
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
        [](auto const& x, auto const& y) { return x.key() == y.key() && alike(x.value(), y.value()); });
}

void understood(json::object const& object, std::string_view text)
{
    PROMISE(is_utf8(text));
    PROMISE(depth_of(text) <= max_depth);
    each(object);
    auto const written = json::serialize(object);
    auto const again = read_frame(written, {});
    PROMISE(std::holds_alternative<json::object>(again));
    PROMISE(alike(object, std::get<json::object>(again)));
}

void refused(Error const& error, std::string_view text)
{
    PROMISE(error.code() == codes::bad_frame);
    PROMISE(is_utf8(error.what()) && std::string_view(error.what()).size() < 200);
    // Nothing is refused for its depth that isn't deep.
    bool const for_depth = std::string_view(error.what()).find("too deep") != std::string_view::npos;
    PROMISE(!for_depth || depth_of(text) > max_depth);
}

} // namespace

FUZZ_TARGET(json)
{
    CountingMemory memory;
    {
        auto const frame = read_frame(input, &memory);
        if (auto const* const error = std::get_if<Error>(&frame)) {
            refused(*error, input);
        } else {
            understood(std::get<json::object>(frame), input);
        }
    }
    PROMISE(memory.most <= 64 * input.size() + 1024);
}
