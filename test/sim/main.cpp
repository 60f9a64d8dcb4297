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
    bool all = false;         ///< Goes on after a seed that fails.
    bool twice = false;       ///< Each seed, and both runs must go the same way.
    bool demands_all = false; ///< Fails where something that may happen never did.
    Options options;
};

constexpr auto usage =
    "elves_sim [--seeds N] [--first N] [--steps N]: runs N seeds (100), to the first that fails\n"
    "  --all          goes on after one that fails\n"
    "  --twice        runs each twice: both must go the same way\n"
    "  --demand-all   fails where something that may happen never did\n"
    "elves_sim --seed N [--steps N] [--trace]: replays one\n"
    "--break BUG: plants a bug, which must be found: forgetful_server | forgetful_agent | hasty_server | "
    "garbler | lost_handovers | lost_reports | late_handovers | lost_timers | expires_early | gives_up | "
    "no_make_up | lost_output | run_twice | run_other_list | run_wrong_sum | run_hidden_failures | "
    "run_early_waves | run_lost_ends | run_no_grace | run_late_starts | schedule_twice | windows_open | "
    "caps_overrun\n";

constexpr std::pair<std::string_view, Plant> plants[]{{"forgetful_server", Plant::forgetful_server},
    {"forgetful_agent", Plant::forgetful_agent}, {"hasty_server", Plant::hasty_server},
    {"garbler", Plant::garbler}, {"lost_handovers", Plant::lost_handovers},
    {"lost_reports", Plant::lost_reports}, {"late_handovers", Plant::late_handovers},
    {"lost_timers", Plant::lost_timers}, {"expires_early", Plant::expires_early},
    {"gives_up", Plant::gives_up}, {"no_make_up", Plant::no_make_up}, {"lost_output", Plant::lost_output},
    {"run_twice", Plant::run_twice}, {"run_other_list", Plant::run_other_list},
    {"run_wrong_sum", Plant::run_wrong_sum}, {"run_hidden_failures", Plant::run_hidden_failures},
    {"run_early_waves", Plant::run_early_waves}, {"run_lost_ends", Plant::run_lost_ends},
    {"run_no_grace", Plant::run_no_grace}, {"run_late_starts", Plant::run_late_starts},
    {"schedule_twice", Plant::schedule_twice}, {"windows_open", Plant::windows_open},
    {"caps_overrun", Plant::caps_overrun}};

Plant plant_named(std::string_view name)
{
    for (auto const& [known, plant] : plants)
        if (known == name) return plant;
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
        if (option == "--all" || option == "--twice" || option == "--demand-all") {
            (option == "--all" ? plan.all : option == "--twice" ? plan.twice : plan.demands_all) = true;
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

struct Sum {
    std::int64_t steps = 0;
    std::size_t tasks = 0;
    std::size_t failed = 0;
    Tally tally;
};

/// False: the seed failed.
bool run_one(Plan const& plan, Options const& options, Sum& sum)
{
    auto const outcome = World(options).run();
    sum.steps += outcome.steps;
    sum.tasks += outcome.tasks;
    sum.tally.add(outcome.tally);
    if (plan.twice && World(options).run().digest != outcome.digest) {
        std::cout << "seed " << options.seed << ": a second run went another way\n";
        return false;
    }
    if (outcome.violation) tell(options, outcome, !plan.all);
    return !outcome.violation;
}

int run(Plan const& plan)
{
    auto const begun = std::chrono::steady_clock::now();
    Sum sum;
    auto options = plan.options;
    for (std::uint64_t i = 0; i < plan.count; ++i) {
        options.seed = plan.first + i;
        if (run_one(plan, options, sum)) continue;
        if (!plan.all) return 1;
        ++sum.failed;
    }
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun;
    bool const saw_all = sum.tally.print(std::cout);
    std::cout << plan.count << " seeds from " << plan.first << ": " << sum.steps << " steps, " << sum.tasks
              << " tasks, " << sum.failed << " seeds that broke a promise; " << took.count() << " s, "
              << static_cast<std::int64_t>(static_cast<double>(sum.steps) / took.count())
              << " steps a second\n";
    if (plan.demands_all && !saw_all) std::cout << "some of what may happen never did\n";
    return sum.failed == 0 && (saw_all || !plan.demands_all) ? 0 : 1;
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
