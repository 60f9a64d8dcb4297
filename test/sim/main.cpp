// elves_sim: runs the whole of Elves in one process on a virtual clock, network and disk, by seeds.
#include <charconv>
#include <chrono>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

#include "sim/world.hpp"

namespace {

using namespace elves::sim;

struct Plan {
    std::uint64_t first = 1;
    std::uint64_t count = 100;
    bool all = false; ///< Goes on after a seed that fails.
    Options options;
};

constexpr auto usage = "elves_sim [--seeds N] [--first N] [--steps N] [--all]\n"
                       "elves_sim --seed N [--steps N] [--trace]\n"
                       "  --break forgetful_server | forgetful_agent | hasty_server | garbler\n";

Plant plant_named(std::string_view name)
{
    if (name == "forgetful_server") return Plant::forgetful_server;
    if (name == "forgetful_agent") return Plant::forgetful_agent;
    if (name == "hasty_server") return Plant::hasty_server;
    if (name == "garbler") return Plant::garbler;
    throw std::invalid_argument("there is no bug named " + std::string(name));
}

std::uint64_t number(std::string_view text)
{
    std::uint64_t value = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value == 0)
        throw std::invalid_argument("\"" + std::string(text) + "\" is no number from 1 on");
    return value;
}

Plan read(int count, char** words)
{
    Plan plan;
    for (int i = 1; i < count; ++i) {
        std::string_view const option = words[i];
        if (option == "--trace") {
            plan.options.keep_trace = plan.options.print_trace = true;
            continue;
        }
        if (option == "--all") {
            plan.all = true;
            continue;
        }
        if (i + 1 == count) throw std::invalid_argument(usage);
        std::string_view const value = words[++i];
        if (option == "--seeds") {
            plan.count = number(value);
        } else if (option == "--first") {
            plan.first = number(value);
        } else if (option == "--seed") {
            plan.first = number(value);
            plan.count = 1;
        } else if (option == "--steps") {
            plan.options.steps = static_cast<std::int64_t>(number(value));
        } else if (option == "--break") {
            plan.options.plant = plant_named(value);
        } else {
            throw std::invalid_argument(usage);
        }
    }
    return plan;
}

/// Runs the seed again, this time with its trace: it goes the same way.
void tell(Options options, Outcome const& outcome, bool with_trace)
{
    if (with_trace && !options.keep_trace) {
        options.keep_trace = true;
        for (auto const& line : World(options).run().trace) std::cout << line << '\n';
    }
    std::cout << "\nseed " << options.seed << ", step " << outcome.steps << ": "
              << outcome.violation->invariant << ": " << outcome.violation->what
              << "\nreplay: elves_sim --seed " << options.seed << " --steps " << options.steps
              << " --trace\n";
}

int run(Plan plan)
{
    auto const begun = std::chrono::steady_clock::now();
    std::int64_t steps = 0;
    std::size_t tasks = 0, crashes = 0, failed = 0;
    for (std::uint64_t i = 0; i < plan.count; ++i) {
        plan.options.seed = plan.first + i;
        auto const outcome = World(plan.options).run();
        steps += outcome.steps;
        tasks += outcome.tasks;
        crashes += outcome.crashes;
        if (!outcome.violation) continue;
        ++failed;
        tell(plan.options, outcome, !plan.all);
        if (!plan.all) return 1;
    }
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun;
    std::cout << plan.count << " seeds from " << plan.first << ": " << steps << " steps, " << tasks
              << " tasks, " << crashes << " crashes, no broken promise; " << took.count() << " s\n";
    return 0;
}

} // namespace

int main(int count, char** words)
{
    try {
        return run(read(count, words));
    } catch (std::exception const& problem) {
        std::cerr << problem.what() << '\n';
        return 2;
    }
}
