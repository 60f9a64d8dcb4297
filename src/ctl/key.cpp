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

/// What was typed of a key. Not given: not sent, so that it stays, or is the server's to say.
json::object typed(Args const& args)
{
    json::object key;
    args.put(key, "role", "--role");
    args.put(key, "expires", "--expires");
    args.put(key, "files", "--files");
    if (args.has("--apps")) key["apps"] = split(args.text("--apps"));
    if (args.has("--ips")) key["iplist"] = split(args.text("--ips"));
    return key;
}

void show_token(Context const& with, json::object const& key)
{
    with.out.fields(with.session.call("supervisor", "setkey", key));
    if (!with.out.is_json()) with.out.note("keep the token: it is shown this once");
}

/// What the server found worth a warning about a change that it has made.
void note_warning(Context const& with, json::object const& reply)
{
    if (reply.contains("warning")) with.out.note(plain_field(reply, "warning"));
}

Exit add(Context const& with)
{
    auto key = typed(with.args);
    key["name"] = with.args.text("NAME");
    show_token(with, key);
    return Exit::well;
}

Exit set(Context const& with)
{
    auto key = typed(with.args);
    with.args.put(key, "name", "--name");
    with.args.put(key, "enabled", "--enabled");
    if (key.empty()) throw Usage("nothing to change was given");
    key["key"] = with.args.text("KEY");
    auto const reply = with.session.call("supervisor", "setkey", key);
    with.out.document(reply);
    with.out.line("changed " + with.args.text("KEY"));
    note_warning(with, reply);
    return Exit::well;
}

Exit rotate(Context const& with)
{
    json::object key{{"key", with.args.text("KEY")}, {"rotate", true}};
    with.args.put(key, "overlap", "--overlap");
    show_token(with, key);
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const key = with.args.text("KEY");
    auto const reply = with.session.call("supervisor", "delkey", {{"key", key}});
    with.out.document(reply);
    with.out.line("deleted " + key);
    note_warning(with, reply);
    return Exit::well;
}

Exit list(Context const& with)
{
    auto const reply = with.session.list("supervisor", "listkeys", {});
    with.out.rows(reply, rows_of(reply),
        {"key", "name", "role", "apps", "iplist", "enabled", "files", "expires", "used_time", "used_from"});
    return Exit::well;
}

Arg role(bool is_required)
{
    auto arg = one_of("--role", "What it may do.", {"viewer", "operator", "agent", "admin"});
    arg.is_required = is_required;
    return arg;
}

Arg apps()
{
    return may("--apps",
        "Its apps (nginx), functions (nginx.reload) and globs of them (nginx.re*), with commas, or "
        "*. An app with a dot in its name is my.app.*. Left out of key add: none.");
}

Arg files()
{
    return yes_no(
        "--files", "May it name which file of an app runs (ins.proxy)? Left out of key add: false.");
}

Arg expires()
{
    return may("--expires", "Until when it counts: YYYY-MM-DD HH:MM:SS in the server's zone, or never.");
}

} // namespace

std::span<Command const> key_commands()
{
    static std::vector<Command> const all{
        {"add", "Makes a key, and shows its token, this once.",
            {needs("NAME", "Whose it is."), role(true), apps(),
                may("--ips", "Its addresses and CIDR ranges, with commas, or *; without: none."), expires(),
                files()},
            add},
        {"set", "Changes what is given of a key.",
            {needs("KEY", "The key."), may("--name", "Whose it is."), role(false), apps(),
                may("--ips", "Its addresses and CIDR ranges, with commas, or *."), expires(), files(),
                one_of("--enabled", "false: it is refused until it is true again.", {"true", "false"})},
            set},
        {"rotate", "Makes a new token for a key, and shows it, this once.",
            {needs("KEY", "The key."),
                may("--overlap", "Seconds for which the token before counts, too (86400).")},
            rotate},
        {"del", "Deletes a key; it is refused from then on.", {needs("KEY", "The key.")}, erase},
        {"list", "All keys, without their tokens.", {}, list},
    };
    return all;
}

} // namespace elves::ctl
