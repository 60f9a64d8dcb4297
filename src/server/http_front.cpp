#include "server/http_front.hpp"

#include <utility>

#include "audit/audit_trail.hpp"
#include "elves/log.hpp"
#include "http/console_files.hpp"
#include "http/console_service.hpp"
#include "rpc/link.hpp"
#include "rpc/tls_context.hpp"
#include "server/server_settings.hpp"
#include "store/sqlite_store.hpp"

namespace elves {

HttpFront::HttpFront(
    Router const& router, Gate const& gate, LinkShared& shared, SqliteStore& store, AuditTrail& audit)
    : gate_(gate)
    , shared_(shared)
    , audit_(audit)
    , sessions_(shared.clock)
    , readiness_({[&store](Store::Done done) { store.post_probe(std::move(done)); },
                     [&store] { return store.file_fault(); }, [&store] { return store.disk_space().free; }},
          shared.clock)
    , site_({router, gate, sessions_, shared.clock, readiness_, ELVES_VERSION,
          [&shared] { return shared.limits.max_frame; },
          [this](http::Request const& request, std::string const& why) { note_cross_site(request, why); },
          [this](http::Request const& request) { return metrics_.answer(request); }})
{
}

std::unique_ptr<Module> HttpFront::console_service()
{
    return std::make_unique<http::ConsoleService>(sessions_, gate_, [this] { return address(); });
}

void HttpFront::bind(LoopExecutor loop, ServerSettings const& settings)
{
    if (settings.http.listen.empty()) return;
    port_ = std::make_unique<http::HttpPort>(std::move(loop), shared_, settings.http.listen, site_);
    shared_.http_port = port_->listening().front().text();
}

void HttpFront::configure(ServerSettings const& settings)
{
    std::vector<std::string> names;
    if (settings.tls) {
        names = settings.tls->names().hosts;
        for (auto const& ip : settings.tls->names().ips) names.push_back(ip.text());
    }
    has_console_ = settings.http.console && !http::console_files().empty();
    console_host_ = settings.http.hosts.empty() ? std::string() : settings.http.hosts.front();
    site_.configure(settings.http, std::move(names));
}

void HttpFront::start()
{
    if (port_) port_->start();
}

void HttpFront::close()
{
    if (port_) port_->stop();
}

/// Of one address some rows a minute: a page can make a browser ask as often as it likes.
void HttpFront::note_cross_site(http::Request const& request, std::string const& why)
{
    if (!shared_.log.admits("http.cross_site", request.from)) return;
    auto const what = request.method + " " + std::string(request.path().substr(0, 100));
    ELVES_LOG(warning, "http.cross_site peer=" << request.address << " request=" << what << ": " << why);
    audit_.add("http.cross_site", what + " from " + request.address + ": " + why, "refused");
}

std::string HttpFront::address() const
{
    if (!port_ || !has_console_) return "";
    auto place = port_->listening().front();
    auto const ip = Ip::parse(place.host);
    if (!console_host_.empty()) {
        place.host = console_host_;
    } else if (!ip || ip->is_loopback() || place.host == "0.0.0.0" || place.host == "::") {
        place.host = "localhost";
    }
    return (shared_.tls ? "https://" : "http://") + place.text();
}

} // namespace elves
