#include "server/house.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <utility>

#include <sys/resource.h>

#include "audit/audit_trail.hpp"
#include "core/process_signals.hpp"
#include "core/trusted_settings.hpp"
#include "elves/log.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/server_identity.hpp"
#include "elves/services/server_limits.hpp"
#include "rpc/asio_clock.hpp"
#include "rpc/event_loop.hpp"
#include "rpc/router.hpp"
#include "server/admin_keys.hpp"
#include "server/dialer.hpp"
#include "server/elves_service.hpp"
#include "server/exposure.hpp"
#include "server/http_front.hpp"
#include "server/module_set.hpp"
#include "server/no_store.hpp"
#include "server/server.hpp"
#include "server/server_settings.hpp"
#include "server/socket_file.hpp"
#include "store/check_data_file.hpp"
#include "store/sqlite_store.hpp"

namespace elves {

namespace {

void require_authority(ServerSettings const& server, Gate const& gate)
{
    if (server.auth == AuthMode::keys && !gate.authority) {
        throw SettingsError("[auth] mode: keys needs the module supervisor, which holds them; enable it, or "
                            "choose protected or open");
    }
}

/// What fits together.
struct Fit {
    std::vector<std::string> not_loaded; ///< Shared objects.
    std::vector<Schema> schemas;         ///< Of the modules that are on, and of the audit trail.
};

/// Throws where the settings and the modules don't fit together. Touches no data file.
Fit require_fit(Settings const& settings, ServerSettings const& server,
    std::vector<BuiltinModule> const& builtin, SharedObjects objects)
{
    boost::asio::io_context io(1);
    AsioClock clock(io.get_executor());
    NoStore store;
    audit::migrate(store);
    Host host(io.get_executor(), clock, store, server.zone);
    LinkDialer dialer(clock);
    host.offer<Dialer>(dialer);
    ModuleSet modules(host, settings, builtin, server.enabled, server.module_path, objects);
    Gate gate;
    gate.authority = host.find<Authority>();
    require_authority(server, gate);
    modules.configure(settings);
    settings.refuse_unknown();
    if (!server.socket.empty()) SocketFile::check_place(server.socket);
    static_cast<void>(LocalAdmins(server.socket_group));
    auto const folder = std::filesystem::absolute(server.store_path).parent_path();
    if (!std::filesystem::is_directory(folder)) {
        throw SettingsError("[store] path: cannot open " + server.store_path + ": there is no folder " +
                            folder.string() + "; make it, or give another path");
    }
    return {modules.not_loaded(), store.schemas()};
}

/// 100,000 connections need as many descriptors; the hard limit is what the admin allows.
void raise_descriptor_limit()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// What the audit trail says of a key that was made without a server.
AuditRecord made_here(std::string const& key, Instant now)
{
    AuditRecord record;
    record.time = now.time_since_epoch().count();
    record.address = "this machine";
    record.method = "elvesd.--init-admin";
    record.target = key;
    record.changed = true;
    return record;
}

/// Of what is in force: SIGHUP may bring another certificate.
class OwnIdentity final : public ServerIdentity {
public:
    explicit OwnIdentity(ServerSettings const& in_force) : in_force_(in_force) {}
    [[nodiscard]] std::string certificate_fingerprint() const override
    {
        return in_force_.tls ? in_force_.tls->fingerprint() : std::string();
    }

private:
    ServerSettings const& in_force_;
};

/// Of what is in force: SIGHUP may change it.
class OwnLimits final : public ServerLimits {
public:
    explicit OwnLimits(LinkShared const& shared) : shared_(shared) {}
    [[nodiscard]] std::size_t max_frame() const override { return shared_.limits.max_frame; }

private:
    LinkShared const& shared_;
};

/// The running server: everything in the order in which it needs each other.
class House {
public:
    House(std::string config, Settings const& settings, ServerSettings const& server,
        std::vector<BuiltinModule> const& builtin)
        : config_(std::move(config))
        , in_force_(server)
        , builtin_(builtin)
        , log_(server.log)
        , clock_(io_.get_executor())
        , store_(io_.get_executor(), server.store_path, {.space = server.space})
        , host_(io_.get_executor(), clock_, store_, server.zone)
        , dialer_(clock_)
        , identity_(in_force_)
        , audit_(store_, clock_)
        , router_(gate_, &audit_)
        , shared_{clock_, &router_, server.limits}
        , limits_(shared_)
        , http_(router_, gate_, shared_, store_, audit_)
    {
        // Before the modules bring their tables up to date: a port that can't be had is the last thing to
        // fail.
        port_ = std::make_unique<Server>(io_.get_executor(), shared_, server);
        http_.bind(io_.get_executor(), server);
        host_.offer<Dialer>(dialer_);
        host_.offer<ServerIdentity>(identity_);
        host_.offer<ServerLimits>(limits_);
        host_.offer<Metrics>(http_.metrics());
        audit::migrate(store_);
        audit_.configure(server.audit);
        modules_ = std::make_unique<ModuleSet>(host_, settings, builtin, server.enabled, server.module_path);
        gate_.mode = server.auth;
        gate_.authority = host_.find<Authority>();
        require_authority(server, gate_);
        modules_->add(std::make_unique<ElvesService>(
            host_, router_, shared_, *port_, *modules_, in_force_, gate_.authority, store_));
        modules_->add(http_.console_service());
        modules_->configure(settings);
        settings.refuse_unknown();
        modules_->declare(router_);
        use_tls();
        http_.configure(in_force_);
        http_.count(router_, host_, {clock_, shared_, in_force_, *port_, *modules_, store_, audit_, {}});
    }
    ~House()
    {
        hold_signals();
        // The store brings to disk what is queued. Then every suspended coroutine is destroyed, whatever it
        // waits for: it holds references to modules and to the store, and its code may be a module's.
        store_.close();
        clock_.drop_timers();
        dialer_.drop_links();
        shared_.links.drop_all();
        io_.drop_handlers();
    }

    void run()
    {
        {
            // Of a large file it takes minutes. What is done stays done.
            EndOnSignals const at_once;
            store_.apply_migrations();
        }
        modules_->start();
        log_module_warnings();
        audit_.start();
        log_exposed();
        port_->start();
        http_.start();
        wait_for_signals();
        release_signals();
        ELVES_LOG(info, "timezone name=" << in_force_.zone.name() << " source=" << in_force_.zone_source);
        ELVES_LOG(info, "elvesd " << ELVES_VERSION << " is up");
        io_.run();
        audit_.log_head();
        ELVES_LOG(info, "elvesd has stopped");
    }

private:
    /// Two sets: one takes the lowest number first, and an end would wait for as long as SIGHUPs come.
    void wait_for_signals()
    {
        end_signals_.async_wait([this](boost::system::error_code const& failure, int signal) {
            if (failure) return;
            ELVES_LOG(info, "stopping: signal " << signal);
            is_ending_ = true;
            stop();
        });
        wait_for_reload();
    }
    void wait_for_reload()
    {
        reload_signals_.async_wait([this](boost::system::error_code const& failure, int) {
            if (failure || is_ending_) return;
            reload();
            wait_for_reload();
        });
    }

    void use_tls()
    {
        shared_.tls = in_force_.tls;
        shared_.plain_from = in_force_.plain_from;
    }

    void log_exposed() const
    {
        for (auto const& line : exposure(in_force_, clock_.now(), gate_.authority)) ELVES_LOG(warning, line);
        if (gate_.authority)
            ELVES_LOG(info, "auth.admin_keys count=" << gate_.authority->admin_keys().count
                                                     << " mode=" << auth_mode_text(in_force_.auth));
        if (in_force_.tls) ELVES_LOG(info, "TLS with the certificate " << in_force_.tls->fingerprint());
    }

    /// Counts for the next call of each connection. Agents that have registered without a key register anew.
    void use_mode(AuthMode mode)
    {
        auto const before = std::exchange(gate_.mode, mode);
        if (mode == before) return;
        // From strict to lenient: keys, protected, open.
        auto const leniency = [](AuthMode of) {
            return of == AuthMode::keys ? 0 : of == AuthMode::open ? 2 : 1;
        };
        auto const from = auth_mode_text(before);
        auto const to = auth_mode_text(mode);
        if (leniency(mode) > leniency(before)) {
            ELVES_LOG(warning, "auth.mode_changed from=" << from << " to=" << to);
            return;
        }
        ELVES_LOG(info, "auth.mode_changed from=" << from << " to=" << to);
        if (auto* const presence = host_.find<Presence>()) presence->cut_links_of("", "counts no longer");
    }

    void log_module_warnings() const
    {
        for (auto const& line : modules_->warnings()) ELVES_LOG(warning, "exposure.warning " << line);
    }

    void reload()
    {
        log_.reopen();
        bool const was_audited = in_force_.audit.enabled;
        auto const mode_before = in_force_.auth;
        try {
            // All of it is checked before any of it is taken over.
            auto const settings = read_trusted_settings(config_);
            auto const server = ServerSettings::read(settings);
            static_cast<void>(require_fit(settings, server, builtin_, SharedObjects::load));
            require_authority(server, gate_);
            port_->configure(server);
            modules_->configure(settings);
            in_force_.take_over(server);
            shared_.limits = in_force_.limits;
            use_tls();
            use_mode(in_force_.auth);
            http_.configure(in_force_);
            log_exposed();
            log_module_warnings();
            audit_.configure(in_force_.audit);
            log_.set_level(in_force_.log.level);
            ELVES_LOG(info, "logs reopened and settings read again from "
                                << config_
                                << "; what [server] listen, socket and timezone, [store] and [modules] say "
                                   "counts from the next start");
            audit_reload(was_audited, mode_before, "ok");
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "settings not taken over, the ones before stand: " << problem.what());
            audit_reload(was_audited, mode_before, "failed");
        }
    }

    void audit_reload(bool was_audited, AuthMode mode_before, std::string_view result)
    {
        if (!was_audited && !in_force_.audit.enabled) return;
        auto what = "settings and log: " + config_;
        if (mode_before != in_force_.auth)
            what.append(", [auth] mode ")
                .append(auth_mode_text(mode_before))
                .append(" to ")
                .append(auth_mode_text(in_force_.auth));
        if (was_audited && !in_force_.audit.enabled) what.append(", [audit] enabled true to false");
        audit_.add("elvesd.SIGHUP", std::move(what), result);
    }

    void stop()
    {
        router_.shut();
        http_.set_stopping();
        // The store's own end brings to disk what is queued.
        auto const no_more = [this] {
            modules_->stop();
            audit_.stop();
        };
        port_->stop([this] { return http_.inflight() > 0; }, no_more,
            [this] {
                http_.close();
                io_.stop();
            });
    }

    std::string config_;
    bool is_ending_ = false;
    ServerSettings in_force_;
    std::vector<BuiltinModule> const& builtin_;
    EventLoop io_;
    // Here, so that signals have their handlers while the rest is made, and until it is gone.
    boost::asio::signal_set end_signals_{io_, SIGTERM, SIGINT};
    boost::asio::signal_set reload_signals_{io_, SIGHUP};
    LogSetup log_;
    AsioClock clock_;
    SqliteStore store_;
    Host host_;
    LinkDialer dialer_;
    OwnIdentity identity_;
    Gate gate_;
    AuditTrail audit_;
    Router router_;
    LinkShared shared_;
    OwnLimits limits_;
    HttpFront http_;
    std::unique_ptr<ModuleSet> modules_;
    std::unique_ptr<Server> port_;
};

} // namespace

void run_server(std::string const& config, std::vector<BuiltinModule> const& builtin)
{
    auto const settings = read_trusted_settings(config);
    auto const server = ServerSettings::read(settings);
    // What is wrong with the settings comes out before anything is opened or written.
    static_cast<void>(require_fit(settings, server, builtin, SharedObjects::load));
    raise_descriptor_limit();
    House house(config, settings, server, builtin);
    house.run();
}

Checked check_server(std::string const& config, std::vector<BuiltinModule> const& builtin)
{
    auto const settings = read_trusted_settings(config);
    auto const server = ServerSettings::read(settings);
    Checked checked;
    auto fit = require_fit(settings, server, builtin, SharedObjects::name_only);
    checked.would_load = std::move(fit.not_loaded);
    server.log.require_writable_file();
    checked.in_use_by = check_data_file(server.store_path, fit.schemas).value_or("");
    boost::asio::io_context io(1);
    AsioClock clock(io.get_executor());
    checked.warnings = exposure(server, clock.now(), admin_keys_in_file(settings, server, builtin, clock));
    return checked;
}

KeyIssuer::Issued init_admin(
    std::string const& config, std::string const& name, std::vector<BuiltinModule> const& builtin)
{
    auto const settings = read_trusted_settings(config);
    auto const server = ServerSettings::read(settings);
    boost::asio::io_context io(1);
    AsioClock clock(io.get_executor());
    SqliteStore store(io.get_executor(), server.store_path);
    Host host(io.get_executor(), clock, store, server.zone);
    LinkDialer dialer(clock);
    host.offer<Dialer>(dialer);
    ModuleSet modules(host, settings, builtin, {"supervisor"}, "");
    audit::migrate(store);
    store.apply_migrations();
    modules.start();
    auto const also = [&](Db& db, std::string const& key) {
        if (server.audit.enabled) audit::append(db, made_here(key, clock.now()));
    };
    return host.need<KeyIssuer>("--init-admin").issue_at_start(name, Role::admin, also);
}

} // namespace elves
