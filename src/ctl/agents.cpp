#include "ctl/command.hpp"

namespace elves::ctl {

namespace {

constexpr std::int64_t no_limit = 1'000'000'000;

Exit agents(Context const& with)
{
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
    with.out.fields(
        with.session.call("heartbeat", "getinfobyip", {{"agentip", with.args.address("IP").text()}}));
    return Exit::well;
}

} // namespace

std::span<Command const> agent_commands()
{
    static std::vector<Command> const all{
        {"agents", "The agents that the server knows.",
            {one_of("--status", "Only these.", {"online", "offline"}),
                may("--os", "Only those with this system, such as linux."),
                may("--limit", "At most so many.")},
            agents},
        {"agent", "What is known of one agent.", {needs("IP", "Its address.")}, agent},
    };
    return all;
}

} // namespace elves::ctl
