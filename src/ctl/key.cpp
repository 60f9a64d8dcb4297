#include "ctl/command.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

json::array split(std::string_view text)
{
    json::array parts;
    while (!text.empty()) {
        auto const part = text.substr(0, text.find(','));
        if (!part.empty()) parts.emplace_back(part);
        text.remove_prefix(std::min(part.size() + 1, text.size()));
    }
    return parts;
}

Exit add(Context const& with)
{
    auto const& args = with.args;
    json::object key{{"name", args.text("NAME")}, {"role", args.text("--role")}};
    // Not given: not sent, for how far a key reaches without a word is the server's to say.
    if (args.has("--apps")) key["apps"] = split(args.text("--apps"));
    if (args.has("--ips")) key["iplist"] = split(args.text("--ips"));
    with.out.fields(with.session.call("supervisor", "setkey", key));
    if (!with.out.is_json()) with.out.note("keep the token: it is shown this once");
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const key = with.args.text("KEY");
    with.out.document(with.session.call("supervisor", "delkey", {{"key", key}}));
    with.out.line("deleted " + key);
    return Exit::well;
}

Exit list(Context const& with)
{
    auto const reply = with.session.list("supervisor", "listkeys", {});
    with.out.rows(reply, rows_of(reply), {"key", "name", "role", "apps", "iplist", "enabled", "create_time"});
    return Exit::well;
}

Arg role()
{
    auto arg = one_of("--role", "What it may do.", {"viewer", "operator", "agent", "admin"});
    arg.is_required = true;
    return arg;
}

} // namespace

std::span<Command const> key_commands()
{
    static std::vector<Command> const all{
        {"add", "Makes a key, and shows its token, this once.",
            {needs("NAME", "Whose it is."), role(),
                may("--apps", "Its apps, with commas, or *; without: none."),
                may("--ips", "Its addresses and CIDR ranges, with commas, or *; without: none.")},
            add},
        {"del", "Deletes a key; it is refused from then on.", {needs("KEY", "The key.")}, erase},
        {"list", "All keys, without their tokens.", {}, list},
    };
    return all;
}

} // namespace elves::ctl
