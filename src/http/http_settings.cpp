#include "http/http_settings.hpp"

#include "elves/ip.hpp"

namespace elves::http {

namespace {

bool is_loopback(HostPort const& place)
{
    auto const ip = Ip::parse(place.host);
    return ip ? ip->is_loopback() : place.host == "localhost";
}

MetricsFor metrics_of(Section const& section)
{
    auto const whom = section.choice("metrics", "loopback", {"loopback", "key", "open"});
    if (whom == "key") return MetricsFor::key;
    return whom == "open" ? MetricsFor::open : MetricsFor::loopback;
}

std::vector<HostPort> listen_of(Section const& section, bool has_tls)
{
    std::vector<HostPort> places;
    for (auto const& text : section.list("listen", {})) {
        auto const place = HostPort::parse(text);
        if (!place)
            section.refuse("listen", "\"" + text + "\" is no HOST:PORT; give one such as 127.0.0.1:7789");
        if (!has_tls && !is_loopback(*place))
            section.refuse("listen", text + " is not this machine alone, and tokens would cross the network "
                                            "in plain text; give [tls] cert and key, or 127.0.0.1");
        places.push_back(*place);
    }
    return places;
}

} // namespace

HttpSettings HttpSettings::read(Section const& section, bool has_tls)
{
    HttpSettings settings;
    settings.listen = listen_of(section, has_tls);
    settings.hosts = section.list("hosts", {});
    settings.metrics = metrics_of(section);
    settings.console = section.choice("console", "true", {"true", "false"}) == "true";
    return settings;
}

void HttpSettings::take_over(HttpSettings const& again)
{
    hosts = again.hosts;
    metrics = again.metrics;
    console = again.console;
}

} // namespace elves::http
