// window and cap: when nothing starts, and how much runs at once.
#include "ctl/printable.hpp"
#include "ctl/put_not_empty.hpp"
#include "ctl/run_words.hpp"

namespace elves::ctl {

namespace {

void put_apps(Args const& args, json::object& fields)
{
    if (!args.has("--apps")) return;
    require_not_empty(args, "--apps");
    json::array apps;
    auto const given = args.text("--apps");
    for (std::size_t from = 0; from <= given.size();) {
        auto const comma = std::min(given.find(',', from), given.size());
        if (comma > from) apps.emplace_back(given.substr(from, comma - from));
        from = comma + 1;
    }
    fields["apps"] = std::move(apps);
}

Exit window_set(Context const& with)
{
    auto const& args = with.args;
    json::object fields{{"name", args.text("NAME")}, {"target", typed_target(args)}};
    put_apps(args, fields);
    for (auto const* const name : {"rule", "lasts", "timezone", "note"})
        put_not_empty(args, fields, name, "--" + std::string(name));
    for (auto const* const name : {"from", "to"}) {
        auto const option = "--" + std::string(name);
        // By the window's own time zone as typed, otherwise as times are typed everywhere.
        if (args.has("--timezone")) {
            put_not_empty(args, fields, name, option);
        } else {
            put_time(with, fields, name, option, name == std::string_view("to") ? Bound::until : Bound::from);
        }
    }
    with.out.document(with.session.call("run", "setwindow", std::move(fields)));
    with.out.line("set the window " + args.text("NAME"));
    return Exit::well;
}

Exit window_list(Context const& with)
{
    auto const reply = with.session.call("run", "listwindows", {});
    with.out.rows(reply, rows_of(reply),
        {"name", "closed", "until", "target", "apps", "rule", "lasts", "from", "to", "note", "by"});
    return Exit::well;
}

Exit cap_set(Context const& with)
{
    auto const& args = with.args;
    json::object fields{{"name", args.text("NAME")}, {"target", typed_target(args)}};
    put_apps(args, fields);
    put_not_empty(args, fields, "most", "--most");
    put_not_empty(args, fields, "per", "--per");
    if (!args.has("--most")) throw Usage("--most is needed: how many tasks may run at once");
    with.out.document(with.session.call("run", "setcap", std::move(fields)));
    with.out.line("set the cap " + args.text("NAME"));
    return Exit::well;
}

Exit cap_list(Context const& with)
{
    auto const reply = with.session.call("run", "listcaps", {});
    with.out.rows(reply, rows_of(reply), {"name", "running", "most", "per", "target", "apps", "by", "time"});
    return Exit::well;
}

Exit erase(Context const& with, std::string_view method, std::string_view what)
{
    with.out.document(with.session.call("run", method, {{"name", with.args.text("NAME")}}));
    with.out.line("deleted the " + std::string(what) + " " + with.args.text("NAME"));
    return Exit::well;
}

Exit window_delete(Context const& with) { return erase(with, "delwindow", "window"); }
Exit cap_delete(Context const& with) { return erase(with, "delcap", "cap"); }

Arg target_arg() { return many("TARGET", "Which hosts (docs/targets.md).").of(Completes::target); }
Arg apps_arg() { return may("--apps", "Only these apps, or globs of APP.FUNC, with commas (all)."); }

} // namespace

std::span<Command const> window_commands()
{
    static auto const name = needs("NAME", "Of a-z, 0-9, `_`, `.`, `-`.").of(Completes::window);
    static std::vector<Command> const all{
        {"set", "Set a window: by --rule and --lasts, or by --from and --to, nothing starts on its hosts.",
            {name, target_arg(), apps_arg(),
                may("--rule", "It closes at these times: a Quartz rule, such as \"0 0 8 ? * MON-FRI\","),
                may("--lasts", "and stays closed for so many seconds."),
                may("--from", "It is closed once: from this time, written as for --since of other commands,"),
                may("--to", "up to this one."),
                may("--timezone", "The time zone of all these, such as Europe/Berlin (the server's)."),
                may("--note", "Why; whoever is refused reads it.")},
            window_set},
        {"list", "List the windows, and which are closed now.", {}, window_list},
        {"del", "Delete a window: what it held back may start.", {name}, window_delete},
    };
    return all;
}

std::span<Command const> cap_commands()
{
    static auto const name = needs("NAME", "Of a-z, 0-9, `_`, `.`, `-`.").of(Completes::cap);
    static std::vector<Command> const all{
        {"set", "Set a cap: at most so many tasks at once on its hosts.",
            {name, target_arg(), apps_arg(), may("--most", "How many."),
                may("--per", "all of them together, each host, or a field such as idc: for each value of it "
                             "(all).")},
            cap_set},
        {"list", "List the caps, and how many tasks each counts now.", {}, cap_list},
        {"del", "Delete a cap.", {name}, cap_delete},
    };
    return all;
}

} // namespace elves::ctl
