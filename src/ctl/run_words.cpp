#include "ctl/run_words.hpp"

#include "ctl/typed_text.hpp"

namespace elves::ctl {

namespace {

struct Words {
    std::string target;
    std::vector<std::string> rest; ///< APP FUNC [PARAM]
};

Words words_of(Args const& args, std::string_view usage)
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

} // namespace

json::object typed_run(Args const& args, std::string_view usage)
{
    auto const words = words_of(args, usage);
    json::object ins{{"app", words.rest[0]}, {"func", words.rest[1]}};
    constexpr std::size_t most_param = std::size_t{64} * 1024;
    if (words.rest.size() > 2) ins["param"] = typed_text("PARAM", words.rest[2], most_param);
    args.put(ins, "timeout", "--timeout");
    args.put(ins, "proxy", "--proxy");
    args.put(ins, "mode", "--mode");
    json::object fields{{"target", words.target}, {"ins", std::move(ins)}};
    put_run_limits(args, fields);
    return fields;
}

void put_run_limits(Args const& args, json::object& fields)
{
    for (auto const* const name :
        {"waves", "parallel", "pause", "order", "ttl", "silent", "deadline", "note"})
        args.put(fields, name, "--" + std::string(name));
    args.put(fields, "max_fail", "--max-fail");
    if (args.has("--strict")) fields["strict"] = true;
}

std::vector<Arg> run_args()
{
    std::vector<Arg> args{many("WORDS",
        "TARGET -- APP FUNC [PARAM]: which hosts (docs/targets.md), and behind -- the app, its "
        "function, and the text that it is given (- is standard input, @FILE a file's content).")
                              .of(Completes::target)};
    auto const limits = run_limit_args();
    args.insert(args.end(), limits.begin(), limits.end());
    args.insert(args.end(),
        {may("--timeout", "Seconds that a worker may take."),
            may("--mode", "NP, or P: results also go to the app's processor."),
            may("--proxy", "The app's file to run, or INTERPRETER|FILE; needs a key with the right files.")});
    return args;
}

std::vector<Arg> run_limit_args()
{
    return {may("--waves", "Sizes of the waves; the last one repeats: 1,10%,50% (100%)."),
        may("--max-fail",
            "Failures that are tolerated, a number or a part such as 5%; one more pauses it (0)."),
        flag("--strict", "Never have more hosts running than may still fail."),
        may("--parallel", "Most hosts at once (50)."),
        may("--pause", "Seconds between waves, or ask: wait for `runs resume` after each."),
        may("--order", "address, random, or spread:FIELD."),
        may("--ttl", "Seconds for which a host that is offline is waited for."),
        one_of(
            "--silent", "Whether hosts that are offline are named, or count as failures.", {"name", "fail"}),
        may("--deadline", "Seconds after its start from which on nothing more starts."),
        may("--note", "Why.")};
}

std::string typed_target(Args const& args)
{
    std::string target;
    for (auto const& word : args.all("TARGET")) target += (target.empty() ? "" : " ") + word;
    return target;
}

} // namespace elves::ctl
