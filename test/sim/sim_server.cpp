#include "sim/sim_server.hpp"

#include "elves/error.hpp"
#include "elves/services/presence.hpp"

namespace elves {

std::unique_ptr<Module> make_heartbeat(Host& host);
std::unique_ptr<Module> make_tasklog(Host& host);
std::unique_ptr<Module> make_scheduler(Host& host);
std::unique_ptr<Module> make_cron(Host& host);
std::unique_ptr<Module> make_fleet(Host& host);
std::unique_ptr<Module> make_run(Host& host);

} // namespace elves

namespace elves::sim {

using namespace std::chrono_literals;

static constexpr auto conf = "[heartbeat]\ninterval = 10\noffline_after = 30\n"
                             "[sheduler]\nhandover_timeout = 5\n"
                             "[tasklog]\nlost_after = 30\nprocessor_give_up = ";

SimServer::SimServer(Nature& nature_, Place place)
    : Process(nature_, place.machine)
    , place_(place)
    , store_(nature_, place.disk, io.get_executor())
    , host_(io.get_executor(), clock, store_, place.zone)
    , audit_(store_, clock)
    , router_(gate_, &audit_)
{
    host_.offer<AppDirectory>(*this);
    host_.offer<Dialer>(*this);
    audit::migrate(store_);
    auto const settings = Settings::parse(conf + std::to_string(place.give_up.count()) + "\n", "sim.conf");
    for (auto const make : {&make_heartbeat, &make_tasklog, &make_scheduler, &make_cron, &make_fleet})
        add(make, settings);
    if (place.run_bug != RunBug::none) plant_for_runs();
    add(&make_run, settings);
    store_.watch();
    for (auto const& module : modules_) module->start();
    audit_.start();
    listening.router = &router_;
    place_.network.listen(*this, listening);
}

SimServer::~SimServer()
{
    place_.network.forget(*this);
    orderly_ ? store_.close() : store_.cut();
    unwind();
    while (!modules_.empty()) modules_.pop_back();
}

void SimServer::add(MakeModule make, Settings const& settings)
{
    modules_.push_back(make(host_));
    auto& module = *modules_.back();
    module.configure(settings.section(module.name()));
    tables_.push_back(std::make_unique<MethodTable>());
    module.declare(*tables_.back());
    router_.add(std::string(module.name()), *tables_.back());
}

/// What is offered from here on is for the module `run` alone.
void SimServer::plant_for_runs()
{
    auto& real = host_.need<TaskEngine>("sim");
    planted_engine_ = std::make_unique<PlantedEngine>(real, place_.run_bug, nature.random, clock);
    host_.offer<TaskEngine>(*planted_engine_);
    if (place_.run_bug != RunBug::gives_no_grace) return;
    planted_directory_ = std::make_unique<PlantedDirectory>(host_.need<AgentDirectory>("sim"));
    host_.offer<AgentDirectory>(*planted_directory_);
}

std::optional<AppAddress> SimServer::callback(std::string_view) const
{
    return AppAddress{place_.processor.ip.text(), 1};
}

asio::awaitable<Back> SimServer::call(std::string, std::uint16_t, std::string service, std::string method,
    json::object fields, std::chrono::milliseconds limit)
{
    auto const link = co_await dial(place_.network, *this, place_.processor, dialing);
    if (!link) throw Error(codes::agent_unreachable, "the processor is not there");
    Back back;
    std::exception_ptr failure;
    try {
        back = co_await link->call(service, method, fields, limit);
    } catch (...) {
        failure = std::current_exception();
    }
    link->close("it was for one call");
    if (failure) std::rethrow_exception(failure);
    co_return back;
}

void SimServer::on_registered(std::function<void(Ip const&)> then)
{
    host_.need<Presence>("sim").on_link(std::move(then));
}

void SimServer::stop()
{
    orderly_ = true;
    router_.shut();
    // Some grace for those who wait, then the modules' own end, then the links'.
    stopping_ = clock.after(3s, [this] {
        for (auto module = modules_.rbegin(); module != modules_.rend(); ++module) (*module)->stop();
        audit_.stop();
        stopping_ = clock.after(100ms, [this] { over_ = true; });
    });
}

} // namespace elves::sim
