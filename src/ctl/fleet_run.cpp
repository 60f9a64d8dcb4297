// run: an instruction on all hosts of a target, in waves.
#include <iostream>
#include <unistd.h>

#include "ctl/fleet_run.hpp"
#include "ctl/printable.hpp"
#include "ctl/run_view.hpp"
#include "ctl/run_words.hpp"

namespace elves::ctl {

namespace {

constexpr std::string_view usage = "run TARGET [OPTIONS] -- APP FUNC [PARAM]";

/// True where it was confirmed that so many hosts are meant.
bool is_confirmed(Context const& with, std::string const& count)
{
    if (with.args.has("--yes")) {
        auto const given = with.args.text("--yes");
        if (given == count) return true;
        throw Usage("the plan has " + count + " hosts, and --yes is " + given + "; look at --plan again");
    }
    if (::isatty(STDIN_FILENO) != 1)
        throw Usage("without a terminal --yes N is needed, N the number of hosts; --plan says " + count);
    std::cerr << "Type " << count << " to run it on " << count << " hosts: " << std::flush;
    std::string typed;
    std::getline(std::cin, typed);
    return typed == count;
}

/// An illegal target is a mistake in what was typed.
json::object call(Context const& with, std::string_view method, json::object const& fields)
{
    try {
        return with.session.call("run", method, fields);
    } catch (Refused const& refused) {
        if (std::string_view(refused.what()).starts_with("[403.")) throw Usage(refused.what());
        throw;
    }
}

Exit run_on_target(Context const& with) { return start_run(with, typed_run(with.args, usage)); }

} // namespace

Exit start_run(Context const& with, json::object fields)
{
    for (auto const* const name : {"late", "dedup"}) with.args.put(fields, name, "--" + std::string(name));
    put_time(with, fields, "at", "--at", Bound::future);
    auto const plan = call(with, "planrun", fields);
    bool const is_plan = with.args.has("--plan");
    if (!with.out.is_json()) {
        for (auto const& line : plan_lines(plan)) with.out.line(line);
    } else {
        with.out.document(plan);
    }
    if (is_plan) return Exit::well;
    if (!is_confirmed(with, plain_field(plan, "count"))) throw Usage("not confirmed; nothing was started");
    fields["digest"] = plain_field(plan, "digest");
    auto const begun = call(with, "startrun", fields);
    auto const id = plain_field(begun, "id");
    with.out.document(begun);
    with.out.line("run " + id);
    if (with.args.has("--detach")) return Exit::well;
    return watch_run(with, id);
}

std::vector<Arg> start_run_args()
{
    return {flag("--plan", "Only say what it would be."),
        may("--at", "Start at that time: a duration from now (30m), or a time as for --since of "
                    "other commands."),
        may("--late", "Seconds after --at within which it still starts (3600)."),
        may("--dedup", "A name for this run: sent again, it is the same run."),
        may("--yes", "The number of hosts, in place of the question."),
        flag("--detach", "Return when the run is on disk.")};
}

std::span<Command const> run_commands()
{
    static std::vector<Command> const all = [] {
        auto args = run_args();
        auto const starts = start_run_args();
        args.insert(args.end(), starts.begin(), starts.end());
        return std::vector<Command>{{"run",
            "Run a task on all hosts of a target, in waves: run TARGET [OPTIONS] -- APP FUNC [PARAM].",
            std::move(args), run_on_target}};
    }();
    return all;
}

} // namespace elves::ctl
