#include "sim/sim_agent.hpp"

#include <boost/asio/co_spawn.hpp>

#include "elves/error.hpp"
#include "elves/one_shot.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::chrono::milliseconds beat_interval = 10s;
constexpr int beats_a_ping = 3;
constexpr agent::Tasks::Limits limits{3, 20};

} // namespace

SimAgent::SimAgent(Nature& nature_, Place place)
    : Process(nature_, place.machine)
    , place_(place)
    , store_(nature_, place.disk, io.get_executor())
    , journal_(store_)
    , workers_(*this, place.invariants)
    , tasks_(io.get_executor(), clock, server_time_, journal_, workers_, limits)
    , output_(io.get_executor(), clock, journal_, bounds_, {})
    , reports_(io.get_executor(), clock, tasks_, zone_, bounds_)
    , cron_(io.get_executor(), clock, journal_, tasks_, zone_)
    , service_(clock, tasks_, cron_, reports_, server_time_, journal_since_, zone_)
    , router_(gate_)
{
    service_.declare(methods_);
    router_.add(std::string(agent::InstructService::name), methods_);
    tasks_.listen({
        [this](TaskId id, OutputStream stream, std::string_view text) { output_.put(id, stream, text); },
        [this](TaskId id) { return output_.end(id); }, [this](TaskId id) { reports_.add(id); },
        [this](TaskId id, bool is_queued) { reports_.tell_queued(id, is_queued); }});
    output_.ask_unconfirmed([this](TaskId id) { return tasks_.unconfirmed().contains(id); });
    cron_.on_run([this](TaskId id) { reports_.add_run(id); });
    if (place_.disk.begin_watch) place_.disk.begin_watch(place_.disk.db());
    if (auto const since = journal_.load_since()) journal_since_.set(*since);
    output_.start(journal_.load_output());
    tasks_.start(journal_.load_tasks(clock.now()));
    cron_.start(journal_.load_crons());
    asio::co_spawn(io, stay_linked(), [](std::exception_ptr const& escaped) {
        if (escaped) std::rethrow_exception(escaped);
    });
}

SimAgent::~SimAgent()
{
    place_.network.forget(*this);
    orderly_ ? store_.close() : store_.cut();
    unwind();
}

asio::awaitable<void> SimAgent::stay_linked()
{
    while (true) {
        link_ = co_await dial(place_.network, *this, place_.server, &router_);
        if (link_) {
            try {
                co_await serve(link_);
            } catch (Error const& problem) {
                ELVES_SIM_TRACE(nature.trace, machine.name << ": " << problem.what());
            }
            link_->close("the agent begins anew");
        }
        auto const wait =
            nature.random.chance(500) ? nature.random.time(0ms, 500ms) : nature.random.time(1s, 30s);
        co_await pause(clock, std::chrono::duration_cast<std::chrono::milliseconds>(wait));
    }
}

asio::awaitable<void> SimAgent::serve(std::shared_ptr<SimLink> link)
{
    json::object fields{{"agentip", machine.ip.text()}, {"os", "linux"}, {"version", ELVES_VERSION}};
    auto const asked = clock.steady();
    auto const back = co_await link->call("heartbeat", "register", fields, answer_limit);
    if (!back.flag) co_return;
    note_time(back, asked);
    nature.tally.see_again(Sight::relinked, machine.name);
    if (auto const zone = Zone::named(back.fields.find("timezone")->string())) zone_ = *zone;
    bounds_.learn(back.fields.root());
    output_.link_up(link);
    reports_.link_up(link);
    try {
        co_await beat_until_lost(link);
    } catch (Error const& problem) {
        ELVES_SIM_TRACE(nature.trace, machine.name << ": the server is silent: " << problem.what());
    }
    output_.link_down();
    reports_.link_down();
}

asio::awaitable<void> SimAgent::beat_until_lost(std::shared_ptr<SimLink> link)
{
    OneShot<bool> lost;
    link->on_close([lost]() mutable { lost.set(true); });
    int beats = 0;
    while (link->is_open()) {
        if (co_await lost.wait(clock, beat_interval)) co_return;
        if (++beats % beats_a_ping != 0) {
            link->cast("heartbeat", "beat", {});
            continue;
        }
        co_await server_time_.ask(link, answer_limit);
    }
}

void SimAgent::note_time(Back const& back, Steady asked)
{
    server_time_.learn(back.fields.root(), asked);
    auto const now = server_time_.now();
    if (journal_since_.is_known() || !now) return;
    asio::co_spawn(io, journal_.begin(*now), [this, since = *now](std::exception_ptr const& failure) {
        if (!failure && !journal_since_.is_known()) journal_since_.set(since);
    });
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
    if (link_) link_->close("the agent is shutting down");
    stopping_ = clock.after(20ms, [this] { over_ = true; });
}

} // namespace elves::sim
