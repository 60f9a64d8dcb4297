#include "http/same_site.hpp"

#include <algorithm>

#include "elves/lower_case.hpp"

namespace elves::http {

namespace {

/// `example.org:7789`, `[::1]:7789`, `example.org.` to the name alone.
std::string_view without_port(std::string_view host)
{
    if (host.starts_with('[')) {
        auto const end = host.find(']');
        return end == std::string_view::npos ? host : host.substr(1, end - 1);
    }
    auto name = host.substr(0, host.rfind(':'));
    if (name.ends_with('.')) name.remove_suffix(1);
    return name;
}

std::string shown(std::string_view text)
{
    constexpr std::size_t most = 100;
    return "\"" + std::string(text.substr(0, most)) + "\"";
}

} // namespace

SameSite::SameSite(std::vector<std::string> names) : names_{"localhost", "127.0.0.1", "::1"}
{
    for (auto const& name : names) names_.push_back(lower_case(name));
}

bool SameSite::is_known(std::string_view host) const
{
    auto const name = lower_case(without_port(host));
    return std::any_of(names_.begin(), names_.end(), [&](std::string const& known) {
        if (!known.starts_with("*.")) return name == known;
        // A certificate's wildcard stands for one label.
        auto const dot = name.find('.');
        return dot != std::string::npos && dot > 0 && name.substr(dot) == known.substr(1);
    });
}

std::optional<std::string> SameSite::host_fault(Request const& request) const
{
    auto const host = request.header("host");
    if (is_known(host)) return std::nullopt;
    return "Host " + shown(host) + " is no name of this server; give it in [http] hosts of elves.conf";
}

std::optional<std::string> SameSite::fault(Request const& request) const
{
    if (auto why = host_fault(request)) return why;
    auto const host = request.header("host");
    auto const site = request.header("sec-fetch-site");
    if (!site.empty() && site != "same-origin" && site != "none")
        return "the request comes from a page of another site (Sec-Fetch-Site " + shown(site) + ")";
    auto const origin = request.header("origin");
    if (origin.empty()) return std::nullopt;
    auto const own = (request.is_tls ? "https://" : "http://") + lower_case(host);
    if (lower_case(origin) != own)
        return "the request comes from a page of " + shown(origin) + ", not of " + own;
    return std::nullopt;
}

} // namespace elves::http
