#pragma once

#include <fstream>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "agent/runner.hpp"
#include "catch.hpp"
#include "manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace elves::agent {

using namespace std::chrono_literals;

constexpr auto yes = "echo '<ElvesWFlag>true</ElvesWFlag>'\n";

/// A Runner on a loop of its own, and apps that are one shell script each.
struct Bench {
    boost::asio::io_context io{1};
    ManualClock clock;
    TempFolder folder;
    std::optional<Runner> runner;
    std::map<TaskId, WorkerResult> results;
    std::map<TaskId, std::string> printed;
    std::map<TaskId, std::string> printed_errors;

    explicit Bench(std::size_t max_workers = 4, std::size_t max_output = 1'000'000)
    {
        Runner::Settings settings;
        settings.max_output = max_output;
        settings.max_workers = max_workers;
        set_up(std::move(settings));
    }
    explicit Bench(Runner::Settings settings) { set_up(std::move(settings)); }
    void set_up(Runner::Settings settings)
    {
        settings.apps = folder.path();
        settings.interpreters = {"sh", "python3"};
        runner.emplace(io, clock, std::move(settings));
    }

    TaskId run(std::string const& script, std::string param = "", std::chrono::seconds timeout = 0s)
    {
        auto const app = "app" + std::to_string(++runs);
        folder.write(app + "/app-worker.sh", script);
        return run_app(app, std::move(param), timeout);
    }
    TaskId run_app(
        std::string app, std::string param = "", std::chrono::seconds timeout = 0s, std::string proxy = "")
    {
        TaskId const id(++ids);
        Instruction instruction;
        instruction.app = std::move(app);
        instruction.func = "fun";
        instruction.param = std::move(param);
        instruction.timeout = timeout;
        instruction.proxy = std::move(proxy);
        runner->run(
            id, std::move(instruction),
            [this, id](OutputStream stream, std::string_view text) {
                (stream == OutputStream::output ? printed : printed_errors)[id] += text;
            },
            [this, id](WorkerResult result) {
                REQUIRE_FALSE(results.contains(id));
                results[id] = std::move(result);
            });
        return id;
    }
    /// Runs the loop until `reached`; the bound is for a test that fails.
    template <typename Condition>
    void until(Condition reached)
    {
        boost::asio::steady_timer bound(io, 20s);
        bool late = false;
        bound.async_wait([&](boost::system::error_code stopped) { late = !stopped; });
        // In small steps: some conditions come true outside the loop.
        while (!reached() && !late) io.run_one_for(5ms);
        REQUIRE_FALSE(late);
        bound.cancel();
        io.poll();
    }
    WorkerResult result_of(TaskId id)
    {
        until([&] { return results.contains(id); });
        return results[id];
    }
    void until_printed(TaskId id, std::string_view text)
    {
        until([&] { return printed[id].find(text) != std::string::npos; });
    }
    /// Whole lines only.
    int number_printed(TaskId id)
    {
        until_printed(id, "\n");
        return std::stoi(printed[id]);
    }

    int runs = 0;
    std::uint64_t ids = 0;
};

/// Dead or a zombie that waits for whoever adopted it.
inline bool gone(int pid)
{
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return true;
    return line.substr(line.rfind(')') + 2, 1) == "Z";
}

} // namespace elves::agent
