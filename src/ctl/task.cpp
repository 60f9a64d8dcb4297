#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "ctl/printed_output.hpp"
#include "ctl/views.hpp"

namespace elves::ctl {

namespace {

/// The record has two fields for one thing that people ask: does it run yet?
void show_queued(json::object& record)
{
    if (plain_field(record, "queued") == "true") record["status"] = "queued";
    record.erase("queued");
}

/// All of it, as one reply.
json::object output_of(Context const& with, std::string const& id)
{
    TaskOutput printed;
    json::object reply;
    do reply = with.session.call("tasklog", "gettaskoutput", printed.next_call(id));
    while (printed.take(reply));
    reply["output"] = printed.output;
    reply["stderr"] = printed.errors;
    return reply;
}

Exit task(Context const& with)
{
    auto const id = with.args.text("ID");
    auto reply = with.session.call("tasklog", "gettaskbyids", {{"id", json::array{json::string(id)}}});
    auto const* const info = reply.if_contains("info");
    bool const is_there = info && info->is_array() && !info->get_array().empty() &&
                          info->get_array().front().is_object() &&
                          !plain_field(info->get_array().front().get_object(), "status").empty();
    if (!is_there) throw Refused(Error(codes::no_task, "no such task: " + id).info(), reply);
    auto record = info->get_array().front().get_object();
    json::object printed;
    try {
        printed = document_of(true, "", output_of(with, id));
    } catch (Refused const& refused) {
        // The record is what was asked for; a task that never ran has no output.
        printed["output_error"] = refused.what();
    }
    if (with.out.is_json()) {
        for (auto const& [name, value] : printed) reply.insert_or_assign(name, value);
        with.out.document(reply);
        return Exit::well;
    }
    for (auto const& [name, value] : printed) record.insert_or_assign(name, value);
    show_queued(record);
    with.out.pairs(task_lines(record, with.zone.get()));
    return Exit::well;
}

Exit tasks(Context const& with)
{
    json::object filter;
    auto const& args = with.args;
    args.put(filter, "agentip", "--agent");
    args.put(filter, "app", "--app");
    args.put(filter, "func", "--func");
    args.put(filter, "type", "--type");
    args.put(filter, "cron_id", "--cron");
    args.put(filter, "status", "--status");
    args.put(filter, "by", "--by");
    put_time(with, filter, "since", "--since", Bound::from);
    put_time(with, filter, "until", "--until", Bound::until);
    args.put(filter, "after", "--after");
    constexpr std::int64_t usual = 100;
    constexpr std::int64_t most = 1'000'000;
    auto const limit = static_cast<std::size_t>(args.number("--limit", usual, 1, most));
    auto const reply = with.session.list("tasklog", "listtasks", filter, limit);
    auto rows = rows_of(reply);
    for (auto& row : rows) {
        if (row.is_object()) show_queued(row.get_object());
    }
    with.out.rows(reply, rows,
        {"id", "agentip", "instruct", "status", "starttime", "endtime", "worker_message", "type", "proxy"});
    auto const next = plain_field(reply, "next");
    if (!next.empty() && !with.out.is_json()) with.out.note("there are more: --after " + next);
    return Exit::well;
}

Exit cancel_one(Context const& with, std::string const& id)
{
    auto const reply = with.session.call("sheduler", "canceltask", {{"id", id}});
    with.out.fields(reply);
    return Exit::well;
}

Exit cancel(Context const& with)
{
    auto const& ids = with.args.all("ID");
    if (ids.size() == 1) return cancel_one(with, ids.front());
    json::array results;
    std::string refusal; // the first
    for (auto const& id : ids) {
        json::object row{{"id", id}, {"status", ""}, {"error_info", ""}};
        try {
            auto const reply = with.session.call("sheduler", "canceltask", {{"id", id}});
            row["status"] = plain_field(reply, "status");
            with.out.line(id + "  " + plain_field(reply, "status"));
        } catch (Refused const& refused) {
            row["error_info"] = refused.what();
            with.out.line(id + "  " + refused.what());
            if (refusal.empty()) refusal = refused.what();
        }
        results.push_back(std::move(row));
    }
    json::object fields{{"results", std::move(results)}};
    if (!refusal.empty()) throw Refused(refusal, std::move(fields));
    with.out.document(document_of(true, "", fields));
    return Exit::well;
}

Exit failures(Context const& with)
{
    json::object filter;
    put_time(with, filter, "since", "--since", Bound::from);
    auto const reply = with.session.call("tasklog", "countfailures", std::move(filter));
    with.out.rows(reply, rows_of(reply),
        {"app", "func", "count", "latest.id", "latest.agentip", "latest.endtime", "latest.message"});
    return Exit::well;
}

Exit why(Context const& with)
{
    auto const reply = with.session.call("tasklog", "gettaskstory", {{"id", with.args.text("ID")}});
    with.out.document(reply);
    Table table({"time", "after ms", "what"}, 2'000);
    for (auto const& line : rows_of(reply)) {
        if (!line.is_object()) continue;
        auto const& row = line.get_object();
        table.add(
            {with.out.time(plain_field(row, "time")), plain_field(row, "gap"), plain_field(row, "what")});
    }
    with.out.table(std::move(table));
    return Exit::well;
}

} // namespace

std::span<Command const> task_commands()
{
    static std::vector<Command> const all{
        {"task", "Show one task: its state, its times, and what it printed.",
            {needs("ID", "The task's id.").of(Completes::task)}, task},
        {"tasks", "List tasks, newest first.",
            {may("--agent", "Only those of this IP.").of(Completes::agent),
                may("--app", "Only those of this app.").of(Completes::app),
                may("--func", "Only those that call this function.").of(Completes::func),
                one_of("--type", "Only those sent so.", {"rt", "async", "cron"}),
                may("--cron", "Only firings of the cron job with this id."),
                one_of("--status", "Only those in this state.",
                    {"waiting", "sent", "running", "done", "failed", "timeout", "canceled", "expired",
                        "undelivered", "skipped", "lost"}),
                may("--by", "Only those that this key asked for.").of(Completes::key),
                may("--since", since_help), may("--until", "Up to this time."),
                may("--limit", "At most so many (100)."),
                may("--after", "What comes after the one named here: a list's next.")},
            tasks},
        {"failures", "Count the tasks of the last 24 hours that did not end well, by app and function.",
            {may("--since", since_help)}, failures},
        {"why", "Show a task's history, with times and gaps.",
            {needs("ID", "The task's id.").of(Completes::task)}, why},
        {"cancel", "Cancel tasks, wherever they are.",
            {many("ID", "The tasks' ids.").of(Completes::open_task)}, cancel},
    };
    return all;
}

} // namespace elves::ctl
