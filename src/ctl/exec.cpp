#include <set>

#include "ctl/command.hpp"
#include "ctl/exec_run.hpp"
#include "ctl/typed_text.hpp"

namespace elves::ctl {

namespace {

/// IP... APP FUNC [PARAM]
struct Words {
    std::vector<Ip> agents;
    std::vector<std::string> rest;
};

constexpr std::string_view usage = "IP... APP FUNC [PARAM]";

/// Whether somebody who typed `word` meant addresses: an app or a function has no such name.
bool looks_like_address(std::string_view word)
{
    if (word.find(':') != std::string_view::npos) return true;
    return !word.empty() && word.find_first_not_of("0123456789.,/") == std::string_view::npos;
}

void refuse_address(std::string const& word, std::string_view place)
{
    throw Usage("\"" + word + "\" was given as " + std::string(place) +
                ", but looks like an address and is not a valid one; expected " + std::string(usage) +
                ", each IP a single IPv4 or IPv6 address");
}

/// One task for each agent, however often and in whatever spelling it was named.
void add_agents(std::vector<Ip>& agents, std::vector<Ip> const& more)
{
    std::set<Ip> seen(agents.begin(), agents.end());
    for (auto const& ip : more) {
        if (seen.insert(ip).second) agents.push_back(ip);
    }
    if (agents.size() > max_hosts)
        throw Usage("exec was given too many agents: expected at most " + std::to_string(max_hosts));
}

Words words_of(Args const& args)
{
    auto const& typed = args.all("WORDS");
    Words words;
    std::vector<Ip> addresses;
    auto word = typed.begin();
    for (; word != typed.end(); ++word) {
        auto const ip = Ip::parse(*word);
        if (!ip) break;
        addresses.push_back(*ip);
    }
    words.rest.assign(word, typed.end());
    add_agents(words.agents, addresses);
    if (!words.rest.empty() && looks_like_address(words.rest[0])) refuse_address(words.rest[0], "the app");
    bool const is_number = words.rest.size() > 1 && words.rest[1].find_first_of(".:/,") == std::string::npos;
    if (words.rest.size() > 1 && !is_number && looks_like_address(words.rest[1]))
        throw Usage("\"" + words.rest[1] +
                    "\" was given as the function, but looks like an address; expected " +
                    std::string(usage) + ", the addresses first");
    if (words.rest.size() < 2) throw Usage("exec needs an app and a function: " + std::string(usage));
    if (words.rest.size() > 3) {
        throw Usage(
            "\"" + words.rest[3] + "\" is one too many: " + std::string(usage) + ", the PARAM in quotes");
    }
    if (args.has("--hosts")) add_agents(words.agents, read_hosts(args.text("--hosts")));
    if (words.agents.empty())
        throw Usage("exec needs the agents' addresses first, or --hosts FILE: " + std::string(usage));
    return words;
}

json::object ins_of(Args const& args, Words const& words)
{
    json::object ins{{"app", words.rest[0]}, {"func", words.rest[1]}};
    if (words.rest.size() > 2) ins["param"] = typed_text("PARAM", words.rest[2], max_param_bytes);
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
    auto const words = words_of(args);
    ExecPlan plan;
    plan.agents = words.agents;
    plan.ins = ins_of(args, words);
    plan.is_forced = args.has("--force");
    plan.note = args.text("--note");
    plan.is_async = args.has("--async") || args.has("--output");
    plan.follows = args.has("--output");
    if (args.has("--ttl") && !plan.is_async) throw Usage("--ttl goes with --async: who waits can't be away");
    // Without one the server's default holds, which only the server knows; it answers when that is over.
    plan.timeout = std::chrono::seconds(args.number("--timeout", longest_timeout, 1, longest_timeout));
    plan.parallel = static_cast<std::size_t>(args.number("--parallel", 50, 1, most_parallel));
    return Exec(with, std::move(plan)).run();
}

Arg worker_timeout()
{
    auto arg = may("--timeout", "Seconds that the worker may take (the server's default).");
    arg.from_environment = true;
    return arg;
}

} // namespace

std::span<Command const> exec_commands()
{
    static std::vector<Command> const all{
        {"exec", "Run a task on agents: exec IP... APP FUNC [PARAM].",
            {many("WORDS", "IP... APP FUNC [PARAM]: the agents' addresses, the app, its function, and the "
                           "text that it is given. PARAM - is standard input, @FILE a file's content, @@TEXT "
                           "the text @TEXT.")
                    .of(Completes::exec_words),
                may("--hosts", "File with one agent's address a line (- for standard input), in place of "
                               "IP... or beside it.")
                    .of(Completes::file),
                flag("--async", "Hand it over, print the tasks' ids, and do not wait."),
                flag("--output", "Show what it prints as it prints it, and wait for its end."),
                worker_timeout(),
                may("--ttl", "With --async: seconds that it may wait for an agent that is offline."),
                may("--mode", "NP, or P: the result also goes to the app's processor."),
                may("--proxy",
                    "The app's file to run, or INTERPRETER|FILE; needs a key with the right files."),
                may("--parallel", "At most so many agents at a time (50)."),
                may("--dedup", "A name for this task: sent again, it does not run again."),
                flag("--force",
                    "Start it although a window is closed or a cap is full; needs the right manage."),
                may("--note", "Why; it is in the audit trail. Needs the right manage.")},
            exec},
    };
    return all;
}

} // namespace elves::ctl
