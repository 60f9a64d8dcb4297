// run: an instruction on all hosts of a target, in waves.
#include <iostream>
#include <unistd.h>

#include "ctl/exec_run.hpp"
#include "ctl/printable.hpp"
#include "ctl/run_view.hpp"
#include "ctl/typed_text.hpp"

namespace elves::ctl {

namespace {

constexpr std::string_view usage = "run TARGET [OPTIONS] -- APP FUNC [PARAM]";

struct Words {
    std::string target;
    std::vector<std::string> rest; ///< APP FUNC [PARAM]
};

Words words_of(Args const& args)
{
    auto const& typed = args.all("WORDS");
    auto const behind = static_cast<std::size_t>(args.number("--", 0, 0, 1'000'000));
    if (behind == 0 || behind >= typed.size())
        throw Usage("a target, and behind -- an app and a function are needed: " + std::string(usage));
    if (behind < 2 || behind > 3) throw Usage("behind -- stand APP FUNC [PARAM]: " + std::string(usage));
    Words words;
    auto const split = typed.end() - static_cast<std::ptrdiff_t>(behind);
    for (auto word = typed.begin(); word != split; ++word)
        words.target += (words.target.empty() ? "" : " ") + *word;
    words.rest.assign(split, typed.end());
    return words;
}

json::object fields_of(Context const& with)
{
    auto const& args = with.args;
    auto const words = words_of(args);
    json::object ins{{"app", words.rest[0]}, {"func", words.rest[1]}};
    constexpr std::size_t most_param = std::size_t{64} * 1024;
    if (words.rest.size() > 2) ins["param"] = typed_text("PARAM", words.rest[2], most_param);
    args.put(ins, "timeout", "--timeout");
    args.put(ins, "proxy", "--proxy");
    args.put(ins, "mode", "--mode");
    json::object fields{{"target", words.target}, {"ins", std::move(ins)}};
    for (auto const* const name :
        {"waves", "parallel", "pause", "order", "ttl", "silent", "late", "deadline", "dedup", "note"})
        args.put(fields, name, "--" + std::string(name));
    args.put(fields, "max_fail", "--max-fail");
    put_time(with, fields, "at", "--at", Bound::future);
    if (args.has("--strict")) fields["strict"] = true;
    return fields;
}

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

Exit run_on_target(Context const& with)
{
    auto fields = fields_of(with);
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

} // namespace

std::span<Command const> run_commands()
{
    static std::vector<Command> const all{
        {"run", "Run a task on all hosts of a target, in waves: run TARGET [OPTIONS] -- APP FUNC [PARAM].",
            {many("WORDS",
                 "TARGET -- APP FUNC [PARAM]: which hosts (docs/targets.md), and behind -- the app, its "
                 "function, and the text that it is given (- is standard input, @FILE a file's content).")
                    .of(Completes::target),
                flag("--plan", "Only say what it would be."),
                may("--waves", "Sizes of the waves; the last one repeats: 1,10%,50% (100%)."),
                may("--max-fail",
                    "Failures that are tolerated, a number or a part such as 5%; one more pauses it (0)."),
                flag("--strict", "Never have more hosts running than may still fail."),
                may("--parallel", "Most hosts at once (50)."),
                may("--pause", "Seconds between waves, or ask: wait for `runs resume` after each."),
                may("--order", "address, random, or spread:FIELD."),
                may("--timeout", "Seconds that a worker may take."),
                may("--ttl", "Seconds for which a host that is offline is waited for."),
                one_of("--silent", "Whether hosts that are offline are named, or count as failures.",
                    {"name", "fail"}),
                may("--at", "Start at that time: a duration from now (30m), or a time as for --since of "
                            "other commands."),
                may("--late", "Seconds after --at within which it still starts (3600)."),
                may("--deadline", "Seconds after its start from which on nothing more starts."),
                may("--mode", "NP, or P: results also go to the app's processor."),
                may("--proxy",
                    "The app's file to run, or INTERPRETER|FILE; needs a key with the right files."),
                may("--dedup", "A name for this run: sent again, it is the same run."), may("--note", "Why."),
                may("--yes", "The number of hosts, in place of the question."),
                flag("--detach", "Return when the run is on disk.")},
            run_on_target},
    };
    return all;
}

} // namespace elves::ctl
