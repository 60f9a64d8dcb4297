#include "server/http_front.hpp"

#include <utility>

#include "audit/audit_trail.hpp"
#include "elves/host.hpp"
#include "elves/log.hpp"
#include "elves/services/agent_directory.hpp"
#include "http/console_files.hpp"
#include "http/console_service.hpp"
#include "rpc/link.hpp"
#include "rpc/router.hpp"
#include "rpc/tls_context.hpp"
#include "server/server_settings.hpp"
#include "store/sqlite_store.hpp"

namespace elves {

namespace {

constexpr std::uint64_t most_open = 1'000'000'000; ///< More tasks are never open.

} // namespace

HttpFront::HttpFront(
    Router const& router, Gate const& gate, LinkShared& shared, SqliteStore& store, AuditTrail& audit)
    : gate_(gate)
    , shared_(shared)
    , audit_(audit)
    , sessions_(shared.clock)
    , readiness_({[&store](Store::Done done) { store.post_probe(std::move(done)); },
                     [&store] { return store.file_fault(); }, [&store] { return store.disk_space().free; }},
          shared.clock)
    , changes_(shared.clock)
    , site_({router, gate, sessions_, shared.clock, readiness_, changes_, ELVES_VERSION,
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

void HttpFront::count(Router& router, Host& host, ServerMetrics::Parts parts)
{
    if (!port_) return;
    parts.http_connections = [this] { return connections(); };
    server_metrics_.emplace(std::move(parts));
    router.count_in(server_metrics_->calls());
    metrics_.add([this](MetricWriter& to) { server_metrics_->write(to); });
    if (auto* const engine = host.find<TaskEngine>()) {
        task_metrics_.emplace(*engine, host.clock);
        metrics_.add([this](MetricWriter& to) { task_metrics_->write(to); });
    }
    feed(host);
}

/// What a page may listen to. A run's page reads anew whatever moves, and at most twice a second: which run a
/// task is of is not worth a table.
void HttpFront::feed(Host& host)
{
    auto const calls = [this] { return server_metrics_->calls().changes(); };
    auto const* const directory = host.find<AgentDirectory>();
    auto const agents = [directory] { return directory ? directory->version() : 0; };
    auto const ended = [this] { return task_metrics_ ? task_metrics_->ended() : 0; };
    changes_.add_topic("hosts", [=](std::string_view) { return calls() + agents(); });
    changes_.add_topic("now", [=](std::string_view) { return calls() + agents() + ended(); });
    auto* const engine = host.find<TaskEngine>();
    if (!engine) return;
    auto const open = [engine] { return static_cast<std::uint64_t>(engine->open_all().size()); };
    changes_.add_topic("run", [=](std::string_view) { return (calls() + ended()) * most_open + open(); });
    // While it runs its output grows.
    changes_.add_topic("task", [this, engine](std::string_view id) {
        auto const known = TaskId::parse(id);
        auto const* const task = known ? engine->open(*known) : nullptr;
        if (!task) return std::uint64_t{0};
        if (task->status == TaskStatus::running)
            return static_cast<std::uint64_t>(shared_.clock.now().time_since_epoch().count());
        return static_cast<std::uint64_t>(task->status) + 1;
    });
}

void HttpFront::start()
{
    if (!port_) return;
    server_metrics_->start();
    port_->start();
}

void HttpFront::close()
{
    if (server_metrics_) server_metrics_->stop();
    changes_.stop();
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
