// schedule: runs that begin again at the times of a rule.
#include "ctl/printable.hpp"
#include "ctl/put_not_empty.hpp"
#include "ctl/run_words.hpp"

namespace elves::ctl {

namespace {

constexpr std::string_view usage = "schedule set TARGET --rule RULE [OPTIONS] -- APP FUNC [PARAM]";

std::string id_of(Args const& args) { return args.text("ID"); }

Exit set(Context const& with)
{
    auto fields = typed_run(with.args, usage);
    for (auto const* const name : {"rule", "id", "timezone", "misfire", "overlap", "jitter", "late"})
        put_not_empty(with.args, fields, name, "--" + std::string(name));
    if (!with.args.has("--rule")) throw Usage("--rule is needed: " + std::string(usage));
    auto const reply = with.session.call("run", "setschedule", std::move(fields));
    with.out.document(reply);
    with.out.line("schedule " + plain_field(reply, "id") + ", next at " + plain_field(reply, "next_time"));
    return Exit::well;
}

Exit list(Context const& with)
{
    json::object filter;
    for (auto const* const name : {"app", "func", "by"})
        with.args.put(filter, name, "--" + std::string(name));
    auto const reply = with.session.list("run", "listschedules", filter);
    with.out.rows(reply, rows_of(reply),
        {"id", "on", "rule", "timezone", "next_time", "ins.app", "ins.func", "target", "by", "note"});
    return Exit::well;
}

Exit show(Context const& with)
{
    auto const reply = with.session.call("run", "listschedules", {{"id", id_of(with.args)}});
    with.out.document(reply);
    auto const rows = rows_of(reply);
    if (rows.empty()) throw Refused("[417.1] no schedule " + id_of(with.args), {});
    for (auto const& row : rows) {
        if (row.is_object() && !with.out.is_json()) with.out.fields(row.get_object());
    }
    auto const runs = with.session.list("run", "listruns", {{"schedule", id_of(with.args)}}, 10);
    if (!with.out.is_json())
        with.out.rows(runs, rows_of(runs), {"id", "fire_time", "state", "why", "count", "end_time"});
    return Exit::well;
}

Exit do_it(Context const& with, std::string_view method, std::string_view done)
{
    with.out.document(with.session.call("run", method, {{"id", id_of(with.args)}}));
    with.out.line("schedule " + id_of(with.args) + " " + std::string(done));
    return Exit::well;
}

Exit del(Context const& with) { return do_it(with, "delschedule", "is deleted"); }
Exit start(Context const& with) { return do_it(with, "startschedule", "fires again from now on"); }
Exit stop(Context const& with) { return do_it(with, "stopschedule", "is stopped"); }

} // namespace

std::span<Command const> schedule_commands()
{
    static auto const id = needs("ID", "The schedule's id.").of(Completes::schedule);
    static std::vector<Command> const all = [] {
        auto args = run_args();
        args.insert(args.end(),
            {may("--rule",
                 "When: a Quartz rule of 6 or 7 fields, such as \"0 0 2 * * ?\" (every night at 2)."),
                may("--timezone", "The rule's time zone, such as Europe/Berlin (the server's)."),
                one_of("--misfire", "What becomes of times that passed while the server was down.",
                    {"skip", "once"}),
                one_of("--overlap", "What a time does while the last run is unfinished.", {"skip", "allow"}),
                may("--jitter", "Start up to that many seconds later, always by as much (0)."),
                may("--late", "Seconds within which a run still starts (3600)."),
                may("--id", "Take the place of this schedule.").of(Completes::schedule)});
        return std::vector<Command>{
            {"set", "Add a schedule: schedule set TARGET --rule RULE [OPTIONS] -- APP FUNC [PARAM].",
                std::move(args), set},
            {"list", "List the schedules.",
                {may("--app", "Only of this app.").of(Completes::app),
                    may("--func", "Only of this function."),
                    may("--by", "Only by this key.").of(Completes::key)},
                list},
            {"show", "Show one schedule, and its last runs.", {id}, show},
            {"del", "Delete a schedule; its runs go on.", {id}, del},
            {"start", "Let a stopped schedule fire again.", {id}, start},
            {"stop", "Stop a schedule: it stays, and does not fire.", {id}, stop},
        };
    }();
    return all;
}

} // namespace elves::ctl
