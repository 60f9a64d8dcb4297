#include "agent/agent.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_settings.hpp"
#include "agent/conf_file.hpp"
#include "agent/deployer.hpp"
#include "agent/instruct_service.hpp"
#include "agent/journal_claim.hpp"
#include "agent/journal_schema.hpp"
#include "agent/kept_contact.hpp"
#include "agent/kept_output.hpp"
#include "agent/leftover_groups.hpp"
#include "agent/runner_workers.hpp"
#include "agent/server_link.hpp"
#include "core/process_signals.hpp"
#include "core/trusted_settings.hpp"
#include "elves/log.hpp"
#include "elves/machine_zone.hpp"
#include "elves/pruner.hpp"
#include "rpc/asio_clock.hpp"
#include "rpc/event_loop.hpp"
#include "rpc/router.hpp"
#include "store/check_data_file.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/sqlite_store.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr auto keep_confirmed = std::chrono::hours(7 * 24);
constexpr std::chrono::milliseconds look_again = 20ms;
constexpr auto longest_end = 10s;
constexpr std::chrono::milliseconds kill_grace = 5s;

/// The running agent: everything in the order in which it needs each other.
class Agent {
public:
    explicit Agent(AgentSettings settings)
        : settings_(std::move(settings))
        , log_(settings_.log)
        , clock_(io_.get_executor())
        , store_(io_.get_executor(), settings_.journal)
        , journal_(store_)
        , runner_(io_, clock_,
              {settings_.apps, settings_.interpreters, settings_.max_output, settings_.max_workers,
                  kill_grace, settings_.param_by_input, settings_.confinement, settings_.run_as,
                  settings_.rules, true})
        , workers_(runner_)
        , deployer_(
              {io_.get_executor(), clock_, runner_, workers_, bounds_}, settings_.apps, settings_.deploy)
        , tasks_(io_.get_executor(), clock_, server_time_, journal_, deployer_,
              {settings_.max_workers, settings_.max_queued}, settings_.rules)
        , output_(io_.get_executor(), clock_, journal_, bounds_,
              {settings_.max_output, settings_.max_kept_output})
        , reports_(io_.get_executor(), clock_, tasks_, zone_, bounds_)
        , cron_(io_.get_executor(), clock_, journal_, tasks_, zone_)
        , service_(clock_, tasks_, cron_, reports_, server_time_, journal_since_, zone_)
        , router_(gate_)
        , shared_{clock_, &router_, limits()}
        , link_(settings_, shared_, zone_, server_time_,
              {[this](std::shared_ptr<Peer> server, Ip ip) { link_up(std::move(server), ip); },
                  [this](std::chrono::milliseconds quiet) { link_down(quiet); },
                  [this](JsonValue const& reply) { bounds_.learn(reply); }, [this] { contact_.hear(); },
                  [this](std::string why) { contact_.refuse(std::move(why)); }})
    {
        shared_.tls = settings_.tls;
        store_.apply_migrations();
        service_.declare(methods_);
        router_.add(std::string(InstructService::name), methods_);
        tasks_.listen(
            {[this](TaskId id, OutputStream stream, std::string_view text) { output_.put(id, stream, text); },
                [this](TaskId id) { return output_.end(id); }, [this](TaskId id) { reports_.add(id); },
                [this](TaskId id, bool is_queued) { reports_.tell_queued(id, is_queued); }});
        output_.ask_unconfirmed([this](TaskId id) { return tasks_.is_unconfirmed(id); });
        cron_.on_run([this](TaskId id) { reports_.add_run(id); });
        cron_.ask_hold([this] { return contact_.hold(); });
        contact_.on_change([this] {
            tasks_.set_refused(contact_.refused());
            cron_.hold_changed();
        });
        service_.wait_for(claim_);
    }
    ~Agent()
    {
        hold_signals();
        // The store brings to disk what is queued. Then every suspended coroutine is destroyed, whatever it
        // waits for: it refers to the members below.
        store_.close();
        clock_.drop_timers();
        shared_.links.drop_all();
        io_.drop_handlers();
    }

    [[nodiscard]] AgentEnd run()
    {
        contact_.start();
        open_journal();
        deployer_.recover();
        wait_for_signals();
        release_signals();
        pruner_.set(keep_confirmed, [](Db& db, Instant now, std::int64_t most) {
            return PruneResult{Journal::prune(db, now - keep_confirmed, most)};
        });
        pruner_.start();
        asio::co_spawn(io_, link_.run(), [](std::exception_ptr escaped) {
            if (escaped) std::rethrow_exception(escaped);
        });
        ELVES_LOG(info, "timezone name=" << zone_.name() << " source=" << machine_zone_.source
                                         << ": until the server says its own");
        ELVES_LOG(info, "elves-agent " << ELVES_VERSION << " is up");
        warn_of_shared_user();
        warn_of_plain_text();
        io_.run();
        ELVES_LOG(info, "elves-agent has stopped");
        return is_restarting_ ? AgentEnd::drained : AgentEnd::stopped;
    }

private:
    /// Each `rt` task is a call that waits: they must not keep a cancel from being read.
    [[nodiscard]] LinkLimits limits() const
    {
        LinkLimits all;
        // A param of 1 MiB of control characters is six as JSON.
        all.max_frame = std::size_t{16} * 1024 * 1024;
        all.max_inflight = settings_.max_workers + settings_.max_queued + 100;
        return all;
    }

    /// As it was at the start of this process.
    struct Loaded {
        std::optional<Instant> since;
        std::vector<TaskId> cut_off;
        std::vector<Journal::KeptPiece> output;
        std::vector<Entry> tasks;
        std::vector<CronRow> crons;
    };

    /// What is in the journal counts once the journal is known to be this machine's.
    void open_journal()
    {
        auto owner = journal_.load_owner();
        auto loaded = std::make_shared<Loaded>();
        loaded->since = journal_.load_since();
        loaded->cut_off = journal_.cut_off_tasks();
        loaded->output = journal_.load_output();
        loaded->tasks = journal_.load_tasks(clock_.now());
        loaded->crons = journal_.load_crons();
        claim_.open(std::move(owner), [this, loaded](bool is_emptied) {
            if (is_emptied) *loaded = {};
            if (loaded->since) journal_since_.set(*loaded->since);
            kill_leftover_groups(loaded->cut_off);
            output_.start(std::move(loaded->output));
            tasks_.set_refused(contact_.refused());
            tasks_.start(std::move(loaded->tasks));
            cron_.start(std::move(loaded->crons));
        });
    }

    void link_up(std::shared_ptr<Peer> server, Ip ip)
    {
        contact_.hear();
        if (claim_.is_of(ip)) return serve(server);
        asio::co_spawn(io_, claim_.claim(ip, server_time_.now()), [this, server](std::exception_ptr failure) {
            // It may have gone meanwhile.
            if (!failure && server->is_open()) return serve(server);
            if (!failure) return;
            ELVES_LOG(error, "journal.not_claimed file=" << settings_.journal << ": it can't be written");
            server->close("the journal can't be bound to this machine");
        });
    }

    void serve(std::shared_ptr<Peer> const& server)
    {
        begin_journal();
        output_.link_up(server);
        reports_.link_up(server);
        deployer_.link_up(server);
    }

    void link_down(std::chrono::milliseconds quiet)
    {
        contact_.lose(quiet);
        output_.link_down();
        reports_.link_down();
        deployer_.link_down();
    }

    /// Of a new journal, at the first registration: every task that is handed over from now on will be in it.
    void begin_journal()
    {
        auto const now = server_time_.now();
        if (journal_since_.is_known() || !now) return;
        asio::co_spawn(io_, journal_.begin(*now), [this, since = *now](std::exception_ptr const& failure) {
            // Otherwise the next registration tries again.
            if (!failure && !journal_since_.is_known()) journal_since_.set(since);
        });
    }

    void warn_of_shared_user() const
    {
        if (!settings_.run_as.is_open()) return;
        if (::geteuid() == 0) {
            ELVES_LOG(warning, "apps run as root: say whom they are to run as, [run_as] user");
        } else if (has_secret()) {
            ELVES_LOG(warning, "apps run as the agent's own user, and can read its token: [run_as] user");
        }
    }

    [[nodiscard]] bool has_secret() const
    {
        return !settings_.token.empty() || !settings_.tls_key.empty() || !settings_.join_token_file.empty() ||
               std::filesystem::exists(settings_.key_file);
    }

    void warn_of_plain_text()
    {
        if (link_.uses_tls()) return;
        for (auto const& server : settings_.servers) {
            auto const ip = Ip::parse(server.host);
            bool const is_here = ip ? ip->is_loopback() : server.host == "localhost";
            if (is_here) continue;
            ELVES_LOG(warning, server.text()
                                   << " is spoken to in plain text: who is in between can read the "
                                      "agent's token and have it run what he likes; [tls] ca or pin");
        }
    }

    /// Two sets: one takes the lowest number first, and an end would wait for as long as SIGHUPs come.
    void wait_for_signals()
    {
        end_signals_.async_wait([this](boost::system::error_code const& failure, int signal) {
            if (failure) return;
            ELVES_LOG(info, "stopping: signal " << signal);
            is_ending_ = true;
            is_restarting_ = false;
            draining_.stop();
            stop();
        });
        wait_for_other_signal();
    }
    void wait_for_other_signal()
    {
        other_signals_.async_wait([this](boost::system::error_code const& failure, int signal) {
            if (failure || is_ending_) return;
            if (signal == SIGUSR1) {
                drain();
            } else {
                log_.reopen();
                ELVES_LOG(info, "log reopened");
            }
            wait_for_other_signal();
        });
    }

    /// Own cron jobs go on meanwhile: their times would otherwise be missed for as long as one worker runs.
    void drain()
    {
        if (is_draining_) return;
        is_draining_ = true;
        ELVES_LOG(info, "agent.draining workers=" << tasks_.running() << " limit=" << settings_.drain.count()
                                                  << ": restarts when they have ended");
        service_.drain();
        link_.say_draining();
        restart_when_idle(clock_.steady() + settings_.drain);
    }

    void restart_when_idle(Clock::Steady until)
    {
        if (!tasks_.is_idle() && clock_.steady() < until) {
            draining_ = clock_.after(look_again, [this, until] { restart_when_idle(until); });
            return;
        }
        if (!tasks_.is_idle())
            ELVES_LOG(warning, "agent.drain_ended workers=" << tasks_.running()
                                                            << " limit=" << settings_.drain.count()
                                                            << ": they are stopped ([agent] drain)");
        ELVES_LOG(info, "agent.restarting");
        is_restarting_ = true;
        stop();
    }

    void stop()
    {
        router_.shut();
        cron_.stop();
        tasks_.stop();
        finish(clock_.steady() + longest_end);
    }

    /// Ends when the workers have, and what became of them is in the journal.
    void finish(Clock::Steady until)
    {
        if (!tasks_.is_idle() && clock_.steady() < until) {
            stopping_ = clock_.after(look_again, [this, until] { finish(until); });
            return;
        }
        output_.stop();
        link_.stop();
        // A moment for what is written to leave. The store's own end brings to disk what is queued.
        stopping_ = clock_.after(look_again, [this] { io_.stop(); });
    }

    AgentSettings settings_;
    EventLoop io_;
    // Here, so that signals have their handlers while the rest is made, and until it is gone.
    boost::asio::signal_set end_signals_{io_, SIGTERM, SIGINT};
    boost::asio::signal_set other_signals_{io_, SIGHUP, SIGUSR1};
    bool is_ending_ = false;
    LogSetup log_;
    AsioClock clock_;
    MachineZone machine_zone_ = machine_zone();
    Zone zone_ = machine_zone_.zone; ///< The server's, once that is known.
    SqliteStore store_;
    ServerTime server_time_{clock_};
    JournalSince journal_since_{server_time_, keep_confirmed};
    Journal journal_;
    JournalClaim claim_{io_.get_executor(), clock_, journal_,
        {machine_mark(), settings_.ip, &is_own_address, settings_.journal}};
    KeptContact contact_{io_.get_executor(), clock_, journal_, settings_.without_server};
    Pruner pruner_{store_, clock_, "tasks of the journal"};
    Runner runner_;
    RunnerWorkers workers_;
    ServerBounds bounds_;
    Deployer deployer_;
    Tasks tasks_;
    KeptOutput output_;
    Reports reports_;
    OwnCron cron_;
    InstructService service_;
    MethodTable methods_;
    Gate gate_; ///< Open: who is at the other end of the link was dialed by us.
    Router router_;
    LinkShared shared_;
    ServerLink link_;
    Timer stopping_;
    Timer draining_;
    bool is_draining_ = false;
    bool is_restarting_ = false;
};

} // namespace

static AgentSettings read_settings(std::string const& config)
{
    auto settings = AgentSettings::read(read_trusted_settings(config));
    check_conf_file(config, settings);
    check_tls_key(settings);
    return settings;
}

/// No other process of this user reads a token from our memory, and no core file has it.
static void hide_memory()
{
#if !defined(__SANITIZE_ADDRESS__) // its leak check looks at us like a debugger
    ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

AgentEnd run_agent(std::string const& config)
{
    ::umask(077);
    auto settings = read_settings(config);
    hide_memory();
    Agent agent(std::move(settings));
    return agent.run();
}

/// "" where the journal is this machine's, or has no owner yet.
static std::string foreign_journal(AgentSettings const& settings)
{
    constexpr std::int64_t first_with_owner = 6;
    std::error_code failure;
    if (!std::filesystem::exists(settings.journal, failure)) return {};
    auto const db = open_as_it_is(settings.journal);
    if (module_version(*db, Journal::module) < first_with_owner) return {};
    auto const owner = Journal::owner_in(*db);
    JournalClaim::Here const here{machine_mark(), settings.ip, &is_own_address, settings.journal};
    if (!owner || JournalClaim::compare(*owner, here) == JournalClaim::State::ours) return {};
    return "the journal " + settings.journal + " is of another machine or address" +
           (owner->address.empty() ? "" : " (" + owner->address + ")") +
           ": nothing of it would run until it fits, or a server has registered this machine";
}

std::vector<std::string> check_agent(std::string const& config)
{
    auto const settings = read_settings(config);
    settings.log.require_writable_file();
    auto const user = check_data_file(settings.journal, {{std::string(Journal::module), journal_schema}});
    std::vector<std::string> warnings;
    if (user && !user->empty())
        warnings.push_back("the journal is in use by " + *user + ": a second agent could not start");
    if (auto line = foreign_journal(settings); !line.empty()) warnings.push_back(std::move(line));
    return warnings;
}

} // namespace elves::agent
