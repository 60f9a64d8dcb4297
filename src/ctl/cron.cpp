#include "ctl/command.hpp"
#include "ctl/cron_next.hpp"
#include "ctl/printable.hpp"
#include "ctl/typed_text.hpp"

namespace elves::ctl {

namespace {

json::object job_of(Context const& with)
{
    return {{"agentip", with.args.address("IP").text()}, {"id", with.args.text("ID")}};
}

constexpr std::string_view filters[][2] = {{"cron_type", "--type"}, {"app", "--app"}, {"func", "--func"},
    {"name", "--name"}, {"by", "--by"}, {"cron_flag", "--flag"}};

/// Jobs of the whole fleet, or those that a filter leaves.
Exit list_all(Context const& with)
{
    json::object fields{{"limit", 1'000}, {"times", with.args.number("--times", 1, 0, 20)}};
    for (auto const& [field, option] : filters) with.args.put(fields, field, option);
    auto const reply = with.session.list("cron", "listcrons", std::move(fields));
    with.out.rows(reply, rows_of(reply),
        {"agent_ip", "cron_id", "name", "cron_type", "cron_flag", "rule", "timezone", "ins.app", "ins.func",
            "misfire", "overlap", "jitter", "next_time", "last_exec_result", "refused", "by", "by_deleted"});
    return Exit::well;
}

Exit list(Context const& with)
{
    bool const by_key = with.args.has("--by");
    bool is_filtered = false;
    for (auto const& [field, option] : filters) is_filtered = is_filtered || with.args.has(option);
    if (with.args.has("IP") && (with.args.has("--all") || is_filtered))
        throw Usage("give either IP, or --all with filters");
    if (!with.args.has("IP") && !with.args.has("--all") && !is_filtered)
        throw Usage("give IP, --by KEY, or --all");
    if (by_key && !with.args.has("--all")) {
        auto const reply = with.session.list("cron", "getcronlistbykey", {{"by", with.args.text("--by")}});
        with.out.rows(reply, rows_of(reply),
            {"agent_ip", "cron_id", "cron_type", "cron_flag", "rule", "ins.app", "ins.func", "next_time",
                "by", "by_deleted"});
        return Exit::well;
    }
    if (!with.args.has("IP")) return list_all(with);
    auto const reply =
        with.session.call("cron", "getcronlistbyip", {{"agentip", with.args.address("IP").text()}});
    with.out.rows(reply, rows_of(reply),
        {"cron_id", "name", "cron_type", "cron_flag", "rule", "ins.app", "ins.func", "ins.proxy", "param",
            "next_time", "last_exec_time", "last_exec_result", "refused", "by", "by_deleted"});
    return Exit::well;
}

void put_param(Args const& args, json::object& ins, std::string_view name)
{
    if (args.has(name)) ins["param"] = typed_text(name, args.text(name), max_param_bytes);
}

/// A date alone is the server's to complete; a time in another zone is turned into the server's.
void put_moment(Context const& with, json::object& job, std::string_view field, std::string_view name)
{
    constexpr std::size_t date_size = 10;
    if (with.args.text(name).size() <= date_size) return with.args.put(job, field, name);
    put_time(with, job, field, name, Bound::future);
}

/// What `set` and `edit` take alike, put into the job and its instruction.
void put_given(Context const& with, json::object& job, json::object& ins)
{
    auto const& args = with.args;
    args.put(job, "cron_type", "--type");
    args.put(job, "timezone", "--timezone");
    args.put(job, "misfire", "--misfire");
    args.put(job, "overlap", "--overlap");
    args.put(job, "jitter", "--jitter");
    args.put(job, "name", "--name");
    args.put(job, "watch", "--watch");
    put_moment(with, job, "start_date", "--start");
    put_moment(with, job, "end_date", "--end");
    args.put(ins, "timeout", "--timeout");
    args.put(ins, "ttl", "--ttl");
    args.put(ins, "mode", "--mode");
    args.put(ins, "proxy", "--proxy");
}

/// Sets the job, and says what the server warns of.
Exit send(Context const& with, json::object job, json::object ins)
{
    job["ins"] = std::move(ins);
    auto const reply = with.session.call("cron", "setcronbyip", std::move(job));
    with.out.fields(reply);
    if (auto const* const warnings = reply.if_contains("warnings"); warnings && warnings->is_array()) {
        for (auto const& warning : warnings->get_array()) {
            if (warning.is_string()) with.out.note("warning: " + std::string(warning.get_string()));
        }
    }
    if (plain_field(reply, "agent_told") == "false")
        with.out.note("the agent has not been told yet; it is as soon as it is there");
    return Exit::well;
}

Exit set(Context const& with)
{
    auto const& args = with.args;
    json::object ins{{"app", args.text("APP")}, {"func", args.text("FUNC")}};
    put_param(args, ins, "PARAM");
    put_param(args, ins, "--param");
    json::object job{{"agentip", args.address("IP").text()}, {"rule", args.text("RULE")}};
    args.put(job, "id", "--id");
    put_given(with, job, ins);
    return send(with, std::move(job), std::move(ins));
}

/// The job as it is, with what was typed in its place.
Exit edit(Context const& with)
{
    constexpr std::string_view kept[] = {"rule", "cron_type", "timezone", "misfire", "overlap", "jitter",
        "name", "start_date", "end_date", "watch"};
    auto const& args = with.args;
    auto const ip = args.address("IP").text();
    auto const id = args.text("ID");
    auto const found = with.session.call("cron", "listcrons", {{"agentip", ip}, {"id", id}, {"times", 0}});
    auto const& rows = rows_of(found);
    if (rows.empty())
        throw Refused(Error(codes::no_cron, ip + " has no cron job " + id + "; elvesctl cron list " + ip +
                                                " shows those that it has")
                          .info(),
            found);
    auto const& old = rows.at(0).as_object();
    json::object job{{"agentip", ip}, {"id", id}};
    for (auto const field : kept) {
        if (auto const* const value = old.if_contains(field)) job[field] = *value;
    }
    auto ins = old.at("ins").as_object();
    args.put(job, "rule", "--rule");
    args.put(ins, "app", "--app");
    args.put(ins, "func", "--func");
    put_param(args, ins, "--param");
    put_given(with, job, ins);
    return send(with, std::move(job), std::move(ins));
}

Exit run_now(Context const& with)
{
    with.out.fields(with.session.call("cron", "runcron", job_of(with)));
    return Exit::well;
}

Exit change(Context const& with, std::string_view method, std::string const& done)
{
    auto const job = job_of(with);
    auto const reply = with.session.call("cron", method, job);
    with.out.document(reply);
    with.out.line(done + " " + plain_field(job, "id"));
    if (plain_field(reply, "agent_told") == "false")
        with.out.note("the agent has not been told yet: it goes on with the job until it is back");
    return Exit::well;
}

Exit erase(Context const& with) { return change(with, "delcronbyipid", "deleted"); }
Exit start(Context const& with) { return change(with, "startcron", "started"); }
Exit stop(Context const& with) { return change(with, "stopcron", "paused"); }

} // namespace

/// What `set` and `edit` take alike.
static std::vector<Arg> with_fields(std::vector<Arg> args)
{
    std::vector<Arg> const more{
        one_of("--type", "Who fires it: the server (center), or the agent (self).", {"center", "self"}),
        may("--name", "A name, unique among the agent's jobs."),
        may("--watch", "The name by which metrics show when it last ran; jobs may share it."),
        may("--timezone", "The rule's zone; default: the server's."),
        one_of("--misfire", "What happens about times that nobody could fire.", {"skip", "once"}),
        one_of("--overlap", "What happens while the last run is unfinished.", {"skip", "allow", "replace"}),
        may("--jitter", "Up to this many seconds later."),
        may("--start", "The first day or moment, such as 2026-12-01 or '2026-12-01 08:00:00'."),
        may("--end", "The last one."), may("--timeout", "Seconds that a run may take."),
        may("--ttl", "Seconds that a firing may wait for an agent that is offline."),
        one_of("--mode", "P: the result also goes to the app's processor.", {"NP", "P"}),
        may("--proxy", "The file of the app that runs: FILE or 'INTERPRETER|FILE'.")};
    args.insert(args.end(), more.begin(), more.end());
    return args;
}

std::span<Command const> cron_commands()
{
    static auto const ip = needs("IP", "The agent's address.").of(Completes::agent);
    static auto const id = needs("ID", "The job's id.").of(Completes::cron_job);
    static std::vector<Command> const all{
        {"list", "List the jobs of one agent, or of all of them.",
            {may("IP", "The agent's address.").of(Completes::agent), flag("--all", "The jobs of all agents."),
                may("--by", "Those that this key set; of a deleted key, too.").of(Completes::key),
                one_of("--type", "Those of this type.", {"center", "self"}),
                may("--app", "Those of this app.").of(Completes::app),
                may("--func", "Those of this function."), may("--name", "Those with this name."),
                one_of("--flag",
                    "Paused ones (0), those that are on (1), those that their agent refuses (2).",
                    {"0", "1", "2"}),
                may("--times", "How many next times each has in --json (1).")},
            list},
        {"set", "Add a job; with --id, or with a --name that the agent's jobs have, replace it.",
            with_fields({ip, needs("RULE", "A Quartz cron expression, in quotes."),
                needs("APP", "The app.").of(Completes::app),
                needs("FUNC", "Its function.").of(Completes::func),
                may("PARAM", "Text that it is given; - is standard input, @FILE a file's content, @@TEXT the "
                             "text @TEXT.")
                    .of(Completes::param),
                may("--param", "The same as PARAM."), may("--id", "The job to replace, all of it.")}),
            set},
        {"edit", "Change what is given of a job, and keep the rest.",
            with_fields({ip, id, may("--rule", "A Quartz cron expression, in quotes."),
                may("--app", "The app.").of(Completes::app), may("--func", "Its function."),
                may("--param", "Text that it is given; - is standard input, @FILE a file's content, @@TEXT "
                               "the text @TEXT.")
                    .of(Completes::param)}),
            edit},
        {"run", "Run a job now, whatever its rule says. Its overlap rule applies.", {ip, id}, run_now},
        {"del", "Delete a job.", {ip, id}, erase},
        {"start", "Let a paused job fire again.", {ip, id}, start},
        {"stop", "Pause a job.", {ip, id}, stop},
        {"next", "Show when a rule fires next, in UTC. Needs no server.",
            {needs("RULE", "A Quartz cron expression, in quotes."),
                may("--timezone", "The rule's zone, such as Europe/Berlin; default: this machine's."),
                may("--from", "After this moment (2026-01-01T00:00:00Z); default: now."),
                may("--count", "How many (5).")},
            cron_next},
    };
    return all;
}

} // namespace elves::ctl
