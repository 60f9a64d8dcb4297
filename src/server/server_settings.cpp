#include "server/server_settings.hpp"

#include <filesystem>

#include "client/tls_settings.hpp"
#include "elves/machine_zone.hpp"
#include "server/listen_overlap.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;

MachineZone zone_of_machine(Section const& server)
{
    try {
        return machine_zone();
    } catch (std::exception const& error) {
        server.refuse("timezone", error.what());
    }
}

MachineZone zone_of(Section const& server)
{
    auto const name = server.text("timezone", "");
    if (name.empty()) return zone_of_machine(server);
    auto const zone = Zone::named(name);
    if (!zone)
        server.refuse("timezone",
            "\"" + name + "\" is no zone that this machine knows; give one such as Europe/Berlin or UTC");
    return {*zone, "[server] timezone"};
}

AuthMode auth_of(Section const& auth)
{
    auto const mode = auth.choice("mode", "protected", {"protected", "keys", "open"});
    if (mode == "keys") return AuthMode::keys;
    return mode == "open" ? AuthMode::open : AuthMode::protected_;
}

PlainFrom plain_of(Section const& tls, bool is_tls_had)
{
    auto const from = tls.choice("plain", "loopback", {"everywhere", "loopback", "nowhere"});
    if (!is_tls_had && tls.has("plain") && from != "everywhere")
        tls.refuse("plain", "without cert and key everyone speaks in plain text; give them, or leave it out");
    if (from == "everywhere") return PlainFrom::everywhere;
    return from == "nowhere" ? PlainFrom::nowhere : PlainFrom::loopback;
}

/// Of names nothing is known before they are looked up; then binding says it.
void refuse_overlap(Section const& server, std::vector<HostPort> const& before, HostPort const& place)
{
    auto const ip = Ip::parse(place.host);
    for (auto const& other : before) {
        auto const other_ip = Ip::parse(other.host);
        bool const is_same_name = place.port != 0 && place.port == other.port && place.host == other.host;
        if (is_same_name || (ip && other_ip && is_overlapping({*ip, place.port}, {*other_ip, other.port})))
            server.refuse("listen", other.text() + " and " + place.text() +
                                        " overlap: only one of them can listen; leave one out");
    }
}

std::vector<HostPort> listen_of(Section const& server)
{
    std::vector<HostPort> all;
    for (auto const& text : server.list("listen", {"127.0.0.1:7788"})) {
        auto const place = HostPort::parse(text);
        if (!place)
            server.refuse(
                "listen", "\"" + text + "\" is no HOST:PORT; give one such as 0.0.0.0:7788 or [::]:7788");
        refuse_overlap(server, all, *place);
        all.push_back(*place);
    }
    return all;
}

std::string socket_of(Section const& server)
{
    auto const path = server.text("socket", "");
    return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

std::string socket_group_of(Section const& server, std::string const& socket)
{
    auto const group = server.text("socket_group", "");
    if (!group.empty() && socket.empty())
        server.refuse("socket_group", "it is \"" + group +
                                          "\" and there is no socket; give [server] socket, or "
                                          "leave it out");
    return group;
}

DiskSpaceLimits space_of(Section const& store)
{
    constexpr std::int64_t most = std::int64_t{1} << 50;
    DiskSpaceLimits limits;
    limits.free_below = store.number("free_warning", limits.free_below, 0, most);
    limits.wal_above = store.number("wal_warning", limits.wal_above, 0, most);
    return limits;
}

} // namespace

std::string_view auth_mode_text(AuthMode mode) noexcept
{
    if (mode == AuthMode::keys) return "keys";
    return mode == AuthMode::open ? "open" : "protected";
}

ServerSettings ServerSettings::read(Settings const& settings)
{
    auto const server = settings.section("server");
    auto const modules = settings.section("modules");
    ServerSettings all;
    all.listen = listen_of(server);
    all.socket = socket_of(server);
    all.socket_group = socket_group_of(server, all.socket);
    auto const [zone, source] = zone_of(server);
    all.zone = zone;
    all.zone_source = source;
    // Absolute: SQLite takes a name such as `:memory:` for something else than a file.
    all.store_path = std::filesystem::absolute(settings.section("store").text("path", "elves.db")).string();
    all.space = space_of(settings.section("store"));
    all.auth = auth_of(settings.section("auth"));
    all.enabled = modules.list("enabled", {});
    all.module_path = modules.text("path", "");
    all.log = LogSettings::read(settings.section("log"));
    all.audit = AuditSettings::read(settings.section("audit"));
    all.limits.max_frame = static_cast<std::size_t>(server.number("max_frame", 4 * mib, 64, 1024 * mib));
    all.limits.max_inflight = static_cast<std::size_t>(server.number("max_inflight", 1024, 1, 1'000'000));
    all.limits.pause_bytes = static_cast<std::size_t>(server.number("pause_bytes", mib, kib, 1024 * mib));
    all.limits.close_bytes =
        static_cast<std::size_t>(server.number("close_bytes", 64 * mib, kib, 4096 * mib));
    all.limits.all_bytes =
        static_cast<std::size_t>(server.number("all_bytes", 256 * mib, mib, 1024 * 1024 * mib));
    if (all.limits.close_bytes < all.limits.max_frame + all.limits.pause_bytes) {
        server.refuse("close_bytes", "it is under max_frame + pause_bytes, so that one large answer would "
                                     "close its connection; give more");
    }
    all.tls = tls_of_server(settings.section("tls"));
    all.plain_from = plain_of(settings.section("tls"), all.tls != nullptr);
    if (all.tls && all.limits.max_frame >= Link::tls_sized_frame)
        server.refuse(
            "max_frame", "with [tls] it has to be under 369098752, or TLS could not be told from a frame");
    all.http = http::HttpSettings::read(settings.section("http"), all.tls != nullptr);
    all.max_connections = static_cast<std::size_t>(server.number("max_connections", 100'000, 1, 1'000'000));
    all.idle_timeout = server.seconds("idle_timeout", 600s, 1s, 86'400s);
    all.shutdown_grace = server.seconds("shutdown_grace", 10s, 0s, 3600s);
    return all;
}

void ServerSettings::take_over(ServerSettings const& again)
{
    auth = again.auth;
    socket_group = again.socket_group;
    log.level = again.log.level;
    audit = again.audit;
    http.take_over(again.http);
    limits = again.limits;
    tls = again.tls;
    plain_from = again.plain_from;
    max_connections = again.max_connections;
    idle_timeout = again.idle_timeout;
    shutdown_grace = again.shutdown_grace;
}

} // namespace elves
