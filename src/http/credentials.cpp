#include "http/credentials.hpp"

#include <algorithm>

#include "elves/base64.hpp"

namespace elves::http {

namespace {

/// What follows the scheme, which is written in any case; nothing of another scheme.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme)
{
    auto const is_same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    if (header.size() <= scheme.size() || header[scheme.size()] != ' ' ||
        !std::equal(scheme.begin(), scheme.end(), header.begin(), is_same))
        return std::nullopt;
    auto const from = header.find_first_not_of(' ', scheme.size());
    return from == std::string_view::npos ? std::string_view() : header.substr(from);
}

} // namespace

std::optional<Credentials> credentials_of(std::string_view authorization)
{
    std::string text;
    if (auto const bearer = after_scheme(authorization, "Bearer")) {
        text = *bearer;
    } else if (auto const basic = after_scheme(authorization, "Basic")) {
        auto const decoded = from_base64(*basic);
        if (!decoded) return std::nullopt;
        text = *decoded;
    }
    auto const colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) return std::nullopt;
    return Credentials{text.substr(0, colon), text.substr(colon + 1)};
}

std::string_view cookie_of(std::string_view header, std::string_view name) noexcept
{
    while (!header.empty()) {
        auto part = header.substr(0, header.find(';'));
        header.remove_prefix(std::min(header.size(), part.size() + 1));
        auto const first = part.find_first_not_of(' ');
        if (first == std::string_view::npos) continue;
        part.remove_prefix(first);
        if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
            return part.substr(name.size() + 1);
    }
    return {};
}

} // namespace elves::http
