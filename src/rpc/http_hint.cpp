#include "rpc/http_hint.hpp"

#include <algorithm>
#include <array>

namespace elves {

namespace {

/// The first four bytes of each method's line.
constexpr std::array<std::string_view, 8> beginnings{
    "GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN"};

} // namespace

bool begins_like_http(std::string_view bytes) noexcept
{
    return std::any_of(beginnings.begin(), beginnings.end(),
        [&](std::string_view beginning) { return bytes.starts_with(beginning); });
}

std::string http_hint(std::string_view http_port)
{
    std::string text = "This port speaks Elves' frames, not HTTP. ";
    if (http_port.empty()) {
        text += "[http] listen in elves.conf opens a port that speaks HTTP.\n";
    } else {
        text.append("HTTP is spoken on ").append(http_port).append(".\n");
    }
    return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
           "Content-Length: " +
           std::to_string(text.size()) + "\r\n\r\n" + text;
}

} // namespace elves
