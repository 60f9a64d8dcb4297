#include "ctl/command.hpp"
#include "ctl/put_not_empty.hpp"
#include "ctl/views.hpp"

namespace elves::ctl {

namespace {

constexpr std::int64_t no_limit = 1'000'000'000;

Exit joins(Context const& with)
{
    auto const reply = with.session.list("supervisor", "listjoins", {});
    with.out.rows(reply, rows_of(reply),
        {"agentip", "asset", "fingerprint", "status", "from", "version", "first_time", "last_time"});
    return Exit::well;
}

/// Which machine is meant.
json::object named(Args const& args)
{
    json::object fields{{"agentip", args.address("IP").text()}};
    put_not_empty(args, fields, "fingerprint", "--fingerprint");
    return fields;
}

Exit accept(Context const& with)
{
    auto fields = named(with.args);
    if (with.args.has("--replace")) fields["replace"] = true;
    with.out.fields(with.session.call("supervisor", "acceptjoin", std::move(fields)));
    return Exit::well;
}

Exit reject(Context const& with)
{
    auto const reply = with.session.call("supervisor", "rejectjoin", named(with.args));
    with.out.document(reply);
    with.out.line("rejected " + with.args.text("IP"));
    return Exit::well;
}

Exit agents(Context const& with)
{
    if (with.args.has("--pending")) return joins(with);
    json::object filter;
    with.args.put(filter, "status", "--status");
    with.args.put(filter, "os", "--os");
    auto const most = with.args.number("--limit", no_limit, 1, no_limit);
    auto const reply = with.session.list("heartbeat", "listagents", filter, static_cast<std::size_t>(most));
    with.out.rows(reply, rows_of(reply),
        {"agentip", "status", "os", "version", "asset", "agent_starttime", "last_hb_time"});
    return Exit::well;
}

Exit agent(Context const& with)
{
    auto const ip = with.args.address("IP").text();
    auto const reply = with.session.call("heartbeat", "getinfobyip", {{"agentip", ip}});
    with.out.document(reply);
    if (with.out.is_json()) return Exit::well;
    auto const now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    with.out.pairs(agent_lines(ip, reply, with.zone.get(), now));
    return Exit::well;
}

/// Of all agents how many were there, or of one when it came and went.
Exit history(Context const& with)
{
    if (!with.args.has("IP")) {
        auto const reply = with.session.call("heartbeat", "getonlinehistory", {{"step", 1'800}});
        with.out.rows(reply, rows_of(reply), {"time", "online", "known"});
        return Exit::well;
    }
    auto const ip = with.args.address("IP").text();
    auto const reply = with.session.call("heartbeat", "getagenthistory", {{"agentip", ip}});
    with.out.rows(reply, rows_of(reply), {"time", "status"});
    return Exit::well;
}

} // namespace

std::span<Command const> agents_commands()
{
    static std::vector<Command> const all{
        {"", "List the agents that the server knows.",
            {flag("--pending", "List the machines that ask to join, and those that were rejected."),
                one_of("--status", "Only these.", {"online", "offline"}),
                may("--os", "Only those with this system, such as linux."),
                may("--limit", "At most so many.")},
            agents},
        {"history",
            "Show how many agents were online in the last 24 hours; with IP, when that agent came and went "
            "in "
            "the last 30 days.",
            {may("IP", "Its address.").of(Completes::agent)}, history},
        {"accept", "Accept a machine that asks to join, and give it a key.",
            {needs("IP", "Its address.").of(Completes::agent), may("--fingerprint", "As its log shows it."),
                flag("--replace", "In place of the machine that has the address; needs --fingerprint.")},
            accept},
        {"reject", "Reject a machine that asks to join.",
            {needs("IP", "Its address.").of(Completes::agent),
                may("--fingerprint", "As its log shows it; without: all that ask as this address.")},
            reject},
    };
    return all;
}

std::span<Command const> agent_commands()
{
    static std::vector<Command> const all{
        {"agent", "Show one agent: its state, apps and hardware.",
            {needs("IP", "Its address.").of(Completes::agent)}, agent},
    };
    return all;
}

} // namespace elves::ctl
