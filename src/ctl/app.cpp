#include "ctl/app_packages.hpp"
#include "ctl/command.hpp"

namespace elves::ctl {

namespace {

Exit set(Context const& with)
{
    auto const& args = with.args;
    constexpr std::int64_t last_port = 65'535;
    auto const port = std::to_string(args.number("PORT", 0, 1, last_port));
    with.out.document(with.session.call("supervisor", "setapp",
        {{"appname", args.text("NAME")}, {"appip", args.address("IP").text()}, {"appport", port}}));
    with.out.line("set " + args.text("NAME"));
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const name = with.args.text("NAME");
    with.out.document(with.session.call("supervisor", "delapp", {{"appname", name}}));
    with.out.line("deleted " + name);
    return Exit::well;
}

Exit list(Context const& with)
{
    auto const reply = with.session.list("supervisor", "listapps", {});
    with.out.rows(reply, rows_of(reply), {"appname", "appip", "appport"});
    return Exit::well;
}

} // namespace

std::span<Command const> app_commands()
{
    static std::vector<Command> const all = [] {
        std::vector<Command> commands{
            {"set", "Set the address of an app's processor.",
                {needs("NAME", "The app.").of(Completes::app), needs("IP", "Its processor's address."),
                    needs("PORT", "And port.")},
                set},
            {"del", "Delete an app's processor.", {needs("NAME", "The app.").of(Completes::app)}, erase},
            {"list", "List the apps that have a processor.", {}, list},
        };
        for (auto& command : package_commands()) commands.push_back(std::move(command));
        return commands;
    }();
    return all;
}

} // namespace elves::ctl
