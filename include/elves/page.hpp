#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "elves/error.hpp"
#include "elves/field_type.hpp"

// What the pages of all lists have in common.
namespace elves {

/// Entries of one page.
inline constexpr std::int64_t longest_page = 1'000;
/// A page ends earlier when its JSON has that many bytes: it has to fit into a frame (`server.max_frame`).
inline constexpr std::size_t page_bytes = std::size_t{1024} * 1024;

/// The field `limit` of a call. Throws Error 403.10 where it is not 1 to `longest_page`.
[[nodiscard]] inline std::size_t page_limit(std::int64_t limit)
{
    if (limit < 1 || limit > longest_page)
        throw Error(codes::bad_field, "`limit` is " + std::to_string(limit) + "; give 1 to 1000");
    return static_cast<std::size_t>(limit);
}

/// The field `after` of a list by address. A place in an order, so that it is not judged as an IP is.
struct IpPlace {
    Ip ip;
};

template <>
struct FieldType<IpPlace> {
    static constexpr std::string_view name = "ip";
    static constexpr Code missing = codes::bad_ip;
    static IpPlace read(std::string_view field, JsonValue const& value)
    {
        return {FieldType<Ip>::read(field, value)};
    }
    static void judge(Caller const&, IpPlace const&) {}
};

} // namespace elves
