#include <CLI/CLI.hpp>
#include <boost/asio/ip/address.hpp>
#include <iostream>
#include <sys/resource.h>

#include "client/dial.hpp"
#include "elves/json.hpp"
#include "floors/floors.hpp"
#include "load/idle.hpp"
#include "load/load.hpp"

namespace elves::bench {

namespace {

/// What was said on the command line.
struct Said {
    std::string to;
    std::string workers_at;
    std::string dialect = "elves";
    std::string question;
    std::string folder = ".";
    LoadPlan plan;
    double seconds = 3;
    double warmup = 1;
    std::size_t rows = 64;
    bool whole_life = false;
    int beat = 0;
};

tcp::endpoint endpoint_of(std::string const& text)
{
    auto const place = HostPort::parse(text);
    if (!place) throw std::runtime_error("\"" + text + "\" is no ADDRESS:PORT");
    return {boost::asio::ip::make_address(place->host), place->port};
}

double us(std::uint64_t ns) { return static_cast<double>(ns) / 1000; }

json::object latencies(Histogram const& latency)
{
    return {{"p50_us", us(latency.at(0.5))}, {"p99_us", us(latency.at(0.99))},
        {"p999_us", us(latency.at(0.999))}, {"max_us", us(latency.max())}};
}

void print(json::object const& result) { std::cout << json::serialize(result) << std::endl; }

void load(Said said)
{
    said.plan.server = endpoint_of(said.to);
    said.plan.workers_at = said.workers_at.empty() ? said.plan.server : endpoint_of(said.workers_at);
    said.plan.length = std::chrono::duration<double>(said.seconds);
    said.plan.warmup = std::chrono::duration<double>(said.warmup);
    auto const talk = make_talk(said.dialect, said.question, said.plan.workers);
    auto const worker = said.plan.workers > 0 ? make_worker(said.dialect) : nullptr;
    auto const result = run_load(said.plan, *talk, worker.get());
    auto line = latencies(result.latency);
    auto const count = static_cast<double>(std::max<std::uint64_t>(result.latency.count(), 1));
    line["rate"] = static_cast<double>(result.latency.count()) / result.length.count();
    line["refused"] = result.refused;
    line["server_cpu_us"] = result.server_cpu.count() * 1e6 / count;
    line["generator_busy"] = result.own_cpu / result.length;
    print(line);
}

void commits(CommitRate const& rate)
{
    auto line = latencies(rate.latency);
    line["rate"] = static_cast<double>(rate.rows) / rate.length.count();
    print(line);
}

void declare_load(CLI::App& app, Said& said)
{
    auto& command = *app.add_subcommand("load", "Loads a server and prints what came of it as JSON");
    command.add_option("--to", said.to, "ADDRESS:PORT")->required();
    command.add_option("--workers-at", said.workers_at, "Where workers connect; default: the same");
    command.add_option("--dialect", said.dialect, "What the server speaks");
    command.add_option("--ask", said.question, "The question")->required();
    command.add_option("--connections", said.plan.connections, "Connections that ask");
    command.add_option("--in-flight", said.plan.in_flight, "Questions under way on each");
    command.add_option("--workers", said.plan.workers, "Connections that do the work");
    command.add_option("--rate", said.plan.rate, "Open loop: questions a second");
    command.add_option("--seconds", said.seconds, "How long is measured");
    command.add_option("--warmup", said.warmup, "Seconds before that");
    command.add_option("--answers", said.plan.answers, "Instead of --seconds: so many answers");
    command.add_flag("--may-refuse", said.plan.may_refuse, "Counts refusals of too much; else they end it");
    command.add_option("--watch", said.plan.watched, "Process whose processor time is counted");
    command.callback([&said] { load(said); });
}

void declare_idle(CLI::App& app, Said& said)
{
    auto& command = *app.add_subcommand("idle", "Holds idle agents until standard input ends");
    command.add_option("--to", said.to, "ADDRESS:PORT")->required();
    command.add_option("--dialect", said.dialect, "What the server speaks");
    command.add_option("--agents", said.plan.workers, "How many")->required();
    command.add_option("--beat", said.beat, "Seconds between the beats of one; 0: none");
    command.callback([&said] {
        auto const worker = make_worker(said.dialect);
        hold_idle(*worker, endpoint_of(said.to), said.plan.workers, std::chrono::seconds(said.beat));
    });
}

void declare_floors(CLI::App& app, Said& said)
{
    app.add_subcommand("echo", "Floor: a plain Asio echo")->callback([] { serve_echo(); });
    app.add_subcommand("relay", "Floor: a plain Asio relay of frames")->callback([] { serve_relay(); });
    auto& disk = *app.add_subcommand("disk", "Floor: fdatasync of the disk");
    disk.add_option("--folder", said.folder, "Where to write");
    disk.add_option("--seconds", said.seconds, "How long");
    disk.callback(
        [&said] { commits(measure_disk(said.folder, std::chrono::duration<double>(said.seconds))); });
    auto& sqlite = *app.add_subcommand("sqlite", "Floor: SQLite alone, synchronous=FULL");
    sqlite.add_option("--folder", said.folder, "Where to write");
    sqlite.add_option("--seconds", said.seconds, "How long");
    sqlite.add_option("--rows", said.rows, "Rows a commit");
    sqlite.add_flag("--whole-life", said.whole_life, "Tasks as tasklog writes them, to their result");
    sqlite.callback([&said] {
        commits(measure_sqlite(
            said.folder, said.rows, said.whole_life, std::chrono::duration<double>(said.seconds)));
    });
}

void raise_descriptor_limit()
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv)
{
    CLI::App app("Load, fake agents and floors for ./dev bench");
    app.require_subcommand(1);
    Said said;
    declare_load(app, said);
    declare_idle(app, said);
    declare_floors(app, said);
    raise_descriptor_limit();
    try {
        app.parse(argc, argv);
        return 0;
    } catch (CLI::ParseError const& error) {
        return app.exit(error);
    } catch (std::exception const& error) {
        std::cerr << "elves-bench: " << error.what() << '\n';
        return 1;
    }
}

} // namespace

} // namespace elves::bench

int main(int argc, char** argv) { return elves::bench::run(argc, argv); }
