#include <algorithm>

#include "ctl/command.hpp"
#include "ctl/exec_run.hpp"

namespace elves::ctl {

namespace {

/// IP... APP FUNC [PARAM]
struct Words {
    std::vector<Ip> agents;
    std::vector<std::string> rest;
};

Words words_of(std::vector<std::string> const& typed)
{
    Words words;
    auto word = typed.begin();
    for (; word != typed.end(); ++word) {
        auto const ip = Ip::parse(*word);
        if (!ip) break;
        // One task for each agent, however often and in whatever spelling it was named.
        auto& agents = words.agents;
        if (std::find(agents.begin(), agents.end(), *ip) == agents.end()) agents.push_back(*ip);
    }
    words.rest.assign(word, typed.end());
    if (words.agents.empty()) throw Usage("exec needs the agents' addresses first: IP... APP FUNC [PARAM]");
    if (words.rest.size() < 2) throw Usage("exec needs an app and a function: IP... APP FUNC [PARAM]");
    if (words.rest.size() > 3) {
        throw Usage("\"" + words.rest[3] + "\" is one too many: IP... APP FUNC [PARAM], the PARAM in quotes");
    }
    return words;
}

json::object ins_of(Args const& args, Words const& words)
{
    json::object ins{{"app", words.rest[0]}, {"func", words.rest[1]}};
    if (words.rest.size() > 2) ins["param"] = words.rest[2];
    args.put(ins, "timeout", "--timeout");
    args.put(ins, "ttl", "--ttl");
    args.put(ins, "mode", "--mode");
    args.put(ins, "proxy", "--proxy");
    args.put(ins, "dedup", "--dedup");
    return ins;
}

Exit exec(Context const& with)
{
    constexpr std::int64_t longest_timeout = 86'400; // s
    constexpr std::int64_t most_parallel = 1'000;    // a server reads no more calls at a time of one link
    auto const& args = with.args;
    auto const words = words_of(args.all("WORDS"));
    ExecPlan plan;
    plan.agents = words.agents;
    plan.ins = ins_of(args, words);
    plan.is_async = args.has("--async") || args.has("--output");
    plan.follows = args.has("--output");
    if (args.has("--ttl") && !plan.is_async) throw Usage("--ttl goes with --async: who waits can't be away");
    // Without one the server's default holds, which only the server knows; it answers when that is over.
    plan.timeout = std::chrono::seconds(args.number("--timeout", longest_timeout, 1, longest_timeout));
    plan.parallel = static_cast<std::size_t>(args.number("--parallel", 50, 1, most_parallel));
    return Exec(with, std::move(plan)).run();
}

} // namespace

std::span<Command const> exec_commands()
{
    static std::vector<Command> const all{
        {"exec", "Runs a task on agents: exec IP... APP FUNC [PARAM]",
            {many("WORDS", "IP... APP FUNC [PARAM]: the agents' addresses, the app, its function, and what "
                           "it is given."),
                flag("--async", "Only hand it over, and print the tasks' ids."),
                flag("--output", "Hand it over, show what it prints as it prints it, and wait for its end."),
                may("--timeout", "Seconds that the worker may take (the server's default)."),
                may("--ttl", "With --async: seconds that it may wait for an agent that is offline."),
                may("--mode", "NP, or P: the result also goes to the app's processor."),
                may("--proxy",
                    "The app's file to run, or INTERPRETER|FILE; needs a key with the right files."),
                may("--parallel", "At most so many agents at a time (50)."),
                may("--dedup", "A name for this task: sent again, it does not run again.")},
            exec},
    };
    return all;
}

} // namespace elves::ctl
