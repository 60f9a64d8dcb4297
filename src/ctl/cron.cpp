#include "ctl/command.hpp"
#include "ctl/cron_next.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

json::object job_of(Context const& with)
{
    return {{"agentip", with.args.address("IP").text()}, {"id", with.args.text("ID")}};
}

Exit list(Context const& with)
{
    if (with.args.has("IP") == with.args.has("--by")) throw Usage("give either IP or --by KEY");
    if (with.args.has("--by")) {
        auto const reply = with.session.list("cron", "getcronlistbykey", {{"by", with.args.text("--by")}});
        with.out.rows(reply, rows_of(reply),
            {"agent_ip", "cron_id", "cron_type", "cron_flag", "rule", "ins.app", "ins.func", "next_time",
                "by", "by_deleted"});
        return Exit::well;
    }
    auto const reply =
        with.session.call("cron", "getcronlistbyip", {{"agentip", with.args.address("IP").text()}});
    with.out.rows(reply, rows_of(reply),
        {"cron_id", "cron_type", "cron_flag", "rule", "ins.app", "ins.func", "ins.proxy", "param",
            "next_time", "last_exec_time", "last_exec_result", "by", "by_deleted"});
    return Exit::well;
}

Exit set(Context const& with)
{
    auto const& args = with.args;
    json::object ins{{"app", args.text("APP")}, {"func", args.text("FUNC")}};
    args.put(ins, "param", "PARAM");
    args.put(ins, "timeout", "--timeout");
    json::object job{{"agentip", args.address("IP").text()}, {"rule", args.text("RULE")}, {"ins", ins}};
    args.put(job, "cron_type", "--type");
    args.put(job, "id", "--id");
    args.put(job, "timezone", "--timezone");
    args.put(job, "misfire", "--misfire");
    args.put(job, "overlap", "--overlap");
    args.put(job, "jitter", "--jitter");
    with.out.fields(with.session.call("cron", "setcronbyip", job));
    return Exit::well;
}

Exit change(Context const& with, std::string_view method, std::string const& done)
{
    auto const job = job_of(with);
    with.out.document(with.session.call("cron", method, job));
    with.out.line(done + " " + plain_field(job, "id"));
    return Exit::well;
}

Exit erase(Context const& with) { return change(with, "delcronbyipid", "deleted"); }
Exit start(Context const& with) { return change(with, "startcron", "started"); }
Exit stop(Context const& with) { return change(with, "stopcron", "paused"); }

} // namespace

std::span<Command const> cron_commands()
{
    static auto const ip = needs("IP", "The agent's address.");
    static auto const id = needs("ID", "The job's id.");
    static std::vector<Command> const all{
        {"list", "One agent's jobs, or those that one key set.",
            {may("IP", "The agent's address."),
                may("--by", "A key's id, in place of IP; of a deleted key, too.")},
            list},
        {"set", "Adds a job, or with --id replaces one.",
            {ip, needs("RULE", "A Quartz cron expression, in quotes."), needs("APP", "The app."),
                needs("FUNC", "Its function."), may("PARAM", "What it is given, as it is."),
                one_of(
                    "--type", "Who fires it: the server (center), or the agent (self).", {"center", "self"}),
                may("--id", "The job to replace."),
                may("--timezone", "The rule's zone; default: the server's."),
                one_of("--misfire", "What becomes of times at which the server was down.", {"skip", "once"}),
                one_of("--overlap", "What happens while the last run is still running.",
                    {"skip", "allow", "replace"}),
                may("--jitter", "Up to so many seconds later."),
                may("--timeout", "Seconds that a run may take.")},
            set},
        {"del", "Deletes a job.", {ip, id}, erase},
        {"start", "Lets a paused job fire again.", {ip, id}, start},
        {"stop", "Pauses a job.", {ip, id}, stop},
        {"next", "When a rule fires next, in UTC. Needs no server.",
            {needs("RULE", "A Quartz cron expression, in quotes."),
                may("--timezone", "The rule's zone, such as Europe/Berlin; default: this machine's."),
                may("--from", "After this moment (2026-01-01T00:00:00Z); default: now."),
                may("--count", "How many (5).")},
            cron_next},
    };
    return all;
}

} // namespace elves::ctl
