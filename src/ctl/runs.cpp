// runs: what runs there are, and how to steer them.
#include "ctl/printable.hpp"
#include "ctl/put_not_empty.hpp"
#include "ctl/run_view.hpp"

namespace elves::ctl {

namespace {

std::string id_of(Args const& args) { return args.text("ID"); }

Exit list(Context const& with)
{
    json::object filter;
    for (auto const* const name : {"state", "app", "func", "by"})
        with.args.put(filter, name, "--" + std::string(name));
    with.args.put(filter, "agentip", "--host");
    put_time(with, filter, "since", "--since", Bound::from);
    put_time(with, filter, "until", "--until", Bound::until);
    auto const most = static_cast<std::size_t>(with.args.number("--limit", 50, 1, 1'000'000));
    auto const reply = with.session.list("run", "listruns", filter, most);
    with.out.rows(reply, rows_of(reply),
        {"id", "state", "why", "count", "ins.app", "ins.func", "target", "by", "create_time", "end_time",
            "note"});
    return Exit::well;
}

Exit show(Context const& with) { return report_run(with, id_of(with.args)); }

Exit watch(Context const& with) { return watch_run(with, id_of(with.args)); }

Exit hosts(Context const& with)
{
    json::object fields{{"id", id_of(with.args)}, {"limit", 1000}};
    with.args.put(fields, "state", "--state");
    with.args.put(fields, "wave", "--wave");
    auto const reply = with.session.list("run", "listrunhosts", fields);
    with.out.rows(reply, rows_of(reply),
        {"agentip", "asset", "wave", "state", "exit_code", "costtime", "task", "answer"});
    return Exit::well;
}

Exit answers(Context const& with)
{
    auto const reply = with.session.list("run", "listanswers", {{"id", id_of(with.args)}, {"limit", 1000}});
    with.out.rows(reply, rows_of(reply), {"count", "state", "exit_code", "text", "hosts"});
    return Exit::well;
}

Exit steer(Context const& with, std::string_view how)
{
    json::object fields{{"id", id_of(with.args)}, {"do", how}};
    put_not_empty(with.args, fields, "max_fail", "--max-fail");
    put_not_empty(with.args, fields, "note", "--note");
    auto const reply = with.session.call("run", "steerrun", std::move(fields));
    with.out.document(reply);
    auto const why = plain_field(reply, "why");
    with.out.line("run " + id_of(with.args) + " is " + plain_field(reply, "state") +
                  (why.empty() ? "" : " (" + why + ")"));
    return Exit::well;
}

Exit pause_it(Context const& with) { return steer(with, "pause"); }
Exit resume(Context const& with) { return steer(with, "resume"); }
Exit stop(Context const& with) { return steer(with, "stop"); }
Exit cancel(Context const& with) { return steer(with, "cancel"); }

Exit retry(Context const& with)
{
    json::array states;
    auto const given = with.args.text("--states", "failed,timeout,lost,undelivered,expired,not_started");
    for (std::size_t from = 0; from <= given.size();) {
        auto const comma = std::min(given.find(',', from), given.size());
        if (comma > from) states.emplace_back(given.substr(from, comma - from));
        from = comma + 1;
    }
    json::object fields{{"id", id_of(with.args)}, {"states", std::move(states)}};
    with.args.put(fields, "waves", "--waves");
    with.args.put(fields, "max_fail", "--max-fail");
    with.args.put(fields, "parallel", "--parallel");
    auto const reply = with.session.call("run", "retryrun", std::move(fields));
    with.out.document(reply);
    auto const id = plain_field(reply, "id");
    with.out.line("run " + id + " on " + plain_field(reply, "count") + " hosts");
    return with.args.has("--detach") ? Exit::well : watch_run(with, id);
}

} // namespace

std::span<Command const> runs_commands()
{
    static auto const id = needs("ID", "The run's id.").of(Completes::run);
    static auto const note = may("--note", "Why; it is in the audit trail.");
    static std::vector<Command> const all{
        {"", "List runs, newest first.",
            {one_of("--state", "Only these.",
                 {"pending", "running", "paused", "done", "partial", "stopped", "canceled", "expired"}),
                may("--app", "Only of this app.").of(Completes::app), may("--func", "Only of this function."),
                may("--by", "Only by this key.").of(Completes::key),
                may("--host", "Only with this host.").of(Completes::agent), may("--since", since_help),
                may("--until", "Up to this time; as --since."), may("--limit", "At most so many (50).")},
            list},
        {"show", "Show the report of a run, as far as it is.", {id}, show},
        {"watch", "Follow a run to its end.", {id}, watch},
        {"hosts", "List the hosts of a run.",
            {id, may("--state", "Only those in this state."), may("--wave", "Only of this wave.")}, hosts},
        {"answers", "List what hosts answered, equal answers together.", {id}, answers},
        {"pause", "Start nothing more of a run.", {id, note}, pause_it},
        {"resume", "Go on with a run that is paused.",
            {id, may("--max-fail", "Failures that are tolerated from now on."), note}, resume},
        {"stop", "End a run when what runs is through.", {id, note}, stop},
        {"cancel", "End a run, and cancel what runs.", {id, note}, cancel},
        {"retry", "Run it again on those hosts that are in some states.",
            {id,
                may("--states",
                    "Of failed,timeout,lost,undelivered,expired,canceled,not_started, with commas."),
                may("--waves", "Other waves."), may("--max-fail", "Other failures that are tolerated."),
                may("--parallel", "Most hosts at once."), flag("--detach", "Return when it is on disk.")},
            retry},
    };
    return all;
}

} // namespace elves::ctl
