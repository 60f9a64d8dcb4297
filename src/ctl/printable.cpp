#include "ctl/printable.hpp"

#include <array>
#include <cstdio>

#include "core/steering.hpp"

namespace elves::ctl {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

constexpr std::array no_columns{
    Range{0x0300, 0x036F}, Range{0x200B, 0x200D}, Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F}};
// East Asian Width W and F (Unicode's UAX #11), in the blocks that matter.
constexpr std::array two_columns{Range{0x1100, 0x115F}, Range{0x2E80, 0x303E}, Range{0x3041, 0xA4CF},
    Range{0xAC00, 0xD7A3}, Range{0xF900, 0xFAFF}, Range{0xFE30, 0xFE6F}, Range{0xFF00, 0xFF60},
    Range{0xFFE0, 0xFFE6}, Range{0x1F300, 0x1F64F}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};

template <std::size_t size>
bool is_in(std::array<Range, size> const& ranges, char32_t point)
{
    for (auto const& range : ranges) {
        if (point >= range.first && point <= range.last) return true;
    }
    return false;
}

std::size_t length_at(std::string_view text)
{
    auto const lead = static_cast<unsigned char>(text.front());
    std::size_t const length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return std::min(length, text.size());
}

char32_t point_of(std::string_view character)
{
    auto const lead = static_cast<unsigned char>(character.front());
    if (character.size() == 1) return lead;
    char32_t point = lead & (0xFFU >> (character.size() + 1));
    for (auto const byte : character.substr(1))
        point = (point << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
    return point;
}

std::string escaped(char32_t point, char const* format)
{
    std::array<char, 16> text{};
    // The two formats are below.
    std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(point));
    return text.data();
}

std::string shown(std::string_view text, bool keeps_lines)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        auto const character = text.substr(0, length_at(text));
        text.remove_prefix(character.size());
        auto const point = point_of(character);
        bool const is_layout = point == '\n' || point == '\t';
        if (steering(character) == 0 || (keeps_lines && is_layout)) {
            out += character;
        } else if (is_layout || point == '\r') {
            out += point == '\n' ? "\\n" : point == '\t' ? "\\t" : "\\r";
        } else {
            out += point < 0x100 ? escaped(point, "\\x%02x") : escaped(point, "\\u%04x");
        }
    }
    return out;
}

} // namespace

std::string printable(std::string_view text) { return shown(text, false); }
std::string printable_lines(std::string_view text) { return shown(text, true); }

std::size_t width_of(std::string_view text)
{
    std::size_t columns = 0;
    while (!text.empty()) {
        auto const character = text.substr(0, length_at(text));
        text.remove_prefix(character.size());
        auto const point = point_of(character);
        columns += is_in(no_columns, point) ? 0 : is_in(two_columns, point) ? 2 : 1;
    }
    return columns;
}

std::string cut_to(std::string_view text, std::size_t columns)
{
    if (width_of(text) <= columns) return std::string(text);
    std::string out;
    std::size_t used = 1; // the dots
    while (!text.empty()) {
        auto const character = text.substr(0, length_at(text));
        used += width_of(character);
        if (used > columns) break;
        out += character;
        text.remove_prefix(character.size());
    }
    return out + "…";
}

std::string json_line(json::value const& value)
{
    auto const text = json::serialize(value);
    std::string out;
    out.reserve(text.size());
    // JSON has escaped what is below 0x20; the rest of what steers stands inside strings only.
    for (std::string_view rest = text; !rest.empty();) {
        auto const character = rest.substr(0, length_at(rest));
        rest.remove_prefix(character.size());
        auto const point = point_of(character);
        if (steering(character) > 0) {
            out += escaped(point, "\\u%04x");
        } else {
            out += character;
        }
    }
    return out;
}

std::string plain(json::value const& value)
{
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_null()) return {};
    if (!value.is_array()) return json::serialize(value);
    std::string out;
    for (auto const& item : value.get_array()) {
        if (!out.empty()) out += ',';
        out += plain(item);
    }
    return out;
}

std::string plain_field(json::object const& fields, std::string_view name)
{
    if (auto const* const field = fields.if_contains(name)) return plain(*field);
    auto const dot = name.find('.');
    if (dot == std::string_view::npos) return {};
    auto const* const inner = fields.if_contains(name.substr(0, dot));
    return inner && inner->is_object() ? plain_field(inner->get_object(), name.substr(dot + 1)) : "";
}

} // namespace elves::ctl
