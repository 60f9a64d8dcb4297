#include "http/http_message.hpp"

#include "elves/json.hpp"

namespace elves::http {

namespace {

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

std::string_view Request::header(std::string_view name) const noexcept
{
    for (auto const& [known, value] : headers)
        if (known == name) return value;
    return {};
}

std::string_view Request::path() const noexcept
{
    return std::string_view(target).substr(0, target.find('?'));
}

Reply refusal(int status, std::string_view code, std::string_view why)
{
    std::string info = "[";
    info.append(code).append("] ").append(why);
    Reply reply;
    reply.status = status;
    reply.body = json::serialize(json::object{{"flag", "false"}, {"error_info", info}});
    return reply;
}

std::string url_decoded(std::string_view text, bool is_form)
{
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        char const c = text[at];
        int const high = c == '%' && at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
        int const low = high >= 0 ? hex_digit(text[at + 2]) : -1;
        if (low >= 0) {
            plain += static_cast<char>(high * 16 + low);
            at += 2;
        } else {
            plain += is_form && c == '+' ? ' ' : c;
        }
    }
    return plain;
}

std::vector<std::string> query_values(std::string_view target, std::string_view name)
{
    std::vector<std::string> values;
    auto const mark = target.find('?');
    auto rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    while (!rest.empty()) {
        auto const part = rest.substr(0, rest.find('&'));
        rest.remove_prefix(part.size() + (part.size() < rest.size() ? 1 : 0));
        auto const equals = part.find('=');
        if (equals == std::string_view::npos || url_decoded(part.substr(0, equals), true) != name) continue;
        values.push_back(url_decoded(part.substr(equals + 1), true));
    }
    return values;
}

} // namespace elves::http
