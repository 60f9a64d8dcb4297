#include "sim/sim_agent.hpp"

#include <boost/asio/co_spawn.hpp>

#include "elves/error.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

constexpr agent::Tasks::Limits limits{3, 20};

agent::AgentSettings settings_for(Machine const& machine, Machine const& server)
{
    agent::AgentSettings settings;
    settings.servers = {HostPort{server.ip.text(), 7788}};
    settings.ip = machine.ip;
    settings.key_file = "there is no such file"; // the server asks for no key
    return settings;
}

/// The simulation's machine, as its agent sees it.
class SimEnvironment final : public agent::LinkEnvironment {
public:
    SimEnvironment(Process& home, SimNetwork& network, Machine& server)
        : home_(home), network_(network), server_(server)
    {
    }
    [[nodiscard]] asio::awaitable<std::shared_ptr<Link>> dial(
        HostPort place, std::chrono::milliseconds, LinkShared& shared) override
    {
        auto link = co_await sim::dial(network_, home_, server_, shared);
        if (!link) throw Error(codes::agent_unreachable, "nobody answers at " + place.text());
        co_return link;
    }
    [[nodiscard]] json::object registration(Ip const& ip, std::string const& starttime) override
    {
        return json::object{{"agentip", ip.text()}, {"os", "linux"}, {"version", ELVES_VERSION},
            {"starttime", starttime}, {"apps", json::object{{"app", "1"}}}};
    }
    [[nodiscard]] unsigned random_seed() override
    {
        return static_cast<unsigned>(home_.nature.random.next());
    }

private:
    Process& home_;
    SimNetwork& network_;
    Machine& server_;
};

} // namespace

SimAgent::SimAgent(Nature& nature_, Place place)
    : Process(nature_, place.machine)
    , place_(place)
    , settings_(settings_for(place.machine, place.server))
    , store_(nature_, place.disk, io.get_executor())
    , journal_(store_)
    , workers_(*this, place.invariants)
    , tasks_(io.get_executor(), clock, server_time_, journal_, workers_, limits)
    , output_(io.get_executor(), clock, journal_, bounds_, {})
    , reports_(io.get_executor(), clock, tasks_, zone_, bounds_)
    , cron_(io.get_executor(), clock, journal_, tasks_, zone_)
    , service_(clock, tasks_, cron_, reports_, server_time_, journal_since_, zone_)
    , router_(gate_)
    , link_(settings_, listening, zone_, server_time_,
          {[this](std::shared_ptr<Peer> server, Ip) { link_up(std::move(server)); },
              [this](std::chrono::milliseconds quiet) { link_down(quiet); },
              [this](JsonValue const& reply) { bounds_.learn(reply); }, [this] { contact_.hear(); },
              [this](std::string why) { contact_.refuse(std::move(why)); }},
          std::make_unique<SimEnvironment>(*this, place.network, place.server))
{
    listening.router = &router_;
    service_.declare(methods_);
    router_.add(std::string(agent::InstructService::name), methods_);
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
    store_.watch();
    contact_.start();
    if (auto const since = journal_.load_since()) journal_since_.set(*since);
    output_.start(journal_.load_output());
    tasks_.set_refused(contact_.refused());
    tasks_.start(journal_.load_tasks(clock.now()));
    cron_.start(journal_.load_crons());
    asio::co_spawn(io, link_.run(), [](std::exception_ptr const& escaped) {
        if (escaped) std::rethrow_exception(escaped);
    });
}

SimAgent::~SimAgent()
{
    place_.network.forget(*this);
    orderly_ ? store_.close() : store_.cut();
    unwind();
}

void SimAgent::link_up(std::shared_ptr<Peer> server)
{
    registered_ = true;
    place_.invariants.registered(machine.name);
    contact_.hear();
    begin_journal();
    nature.tally.see_again(Sight::relinked, machine.name);
    output_.link_up(server);
    reports_.link_up(std::move(server));
}

void SimAgent::begin_journal()
{
    auto const now = server_time_.now();
    if (journal_since_.is_known() || !now) return;
    asio::co_spawn(io, journal_.begin(*now), [this, since = *now](std::exception_ptr const& failure) {
        if (!failure && !journal_since_.is_known()) journal_since_.set(since);
    });
}

void SimAgent::link_down(std::chrono::milliseconds quiet)
{
    registered_ = false;
    contact_.lose(quiet);
    output_.link_down();
    reports_.link_down();
}

void SimAgent::stop()
{
    orderly_ = true;
    router_.shut();
    cron_.stop();
    tasks_.stop();
    finish(clock.steady() + 10s);
}

void SimAgent::finish(Steady until)
{
    if (!tasks_.is_idle() && clock.steady() < until) {
        stopping_ = clock.after(20ms, [this, until] { finish(until); });
        return;
    }
    output_.stop();
    link_.stop();
    stopping_ = clock.after(20ms, [this] { over_ = true; });
}

} // namespace elves::sim
