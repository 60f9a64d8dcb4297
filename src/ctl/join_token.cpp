#include "ctl/put_not_empty.hpp"

namespace elves::ctl {

namespace {

Exit add(Context const& with)
{
    json::object token;
    put_not_empty(with.args, token, "name", "--name");
    put_not_empty(with.args, token, "cidr", "--cidr");
    put_not_empty(with.args, token, "lifetime", "--lifetime");
    auto const reply = with.session.call("supervisor", "addjointoken", std::move(token));
    with.out.fields(reply);
    if (with.out.is_json()) return Exit::well;
    with.out.note("keep the token: it is shown this once");
    with.out.note(reply.contains("pin")
                      ? "it carries the fingerprint of the server's certificate: an agent sends "
                        "it to no other server, and only over TLS"
                      : "the server has no TLS: an agent can't tell it from a false one");
    return Exit::well;
}

Exit list(Context const& with)
{
    auto const reply = with.session.call("supervisor", "listjointokens", {});
    with.out.rows(
        reply, rows_of(reply), {"id", "name", "cidr", "create_time", "expires", "used_time", "used_ip"});
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const id = with.args.text("ID");
    with.out.document(with.session.call("supervisor", "deljointoken", {{"id", id}}));
    with.out.line("deleted " + id);
    return Exit::well;
}

} // namespace

std::span<Command const> join_token_commands()
{
    static std::vector<Command> const all{
        {"add",
            "Make a join token, and show it, this once: for one machine, or with --cidr for all of a "
            "range.",
            {may("--name", "What it is for."),
                may("--cidr", "For all machines whose address is in this range, and that ask from there."),
                may("--lifetime", "Seconds for which it counts: 60 to 2592000 (86400).")},
            add},
        {"list", "List all join tokens, without what is secret.", {}, list},
        {"del", "Delete a join token; machines that it admitted stay.",
            {needs("ID", "The token's id.").of(Completes::join_token)}, erase},
    };
    return all;
}

} // namespace elves::ctl
