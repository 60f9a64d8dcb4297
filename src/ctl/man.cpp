#include "ctl/command.hpp"

namespace elves::ctl {

namespace {

/// Text for roff: what it would take for a command or an escape is shielded.
std::string roff(std::string_view text)
{
    std::string out;
    for (auto const c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '\'' || c == '.')
            out += (out.empty() || out.back() == '\n' ? "\\&" : "") + std::string(1, c);
        else
            out += c;
    }
    return out;
}

std::string value_of(Arg const& arg)
{
    if (arg.takes == Arg::Takes::flag) return {};
    if (arg.choices.empty()) return "VALUE";
    std::string text;
    for (auto const choice : arg.choices) text += (text.empty() ? "" : "|") + std::string(choice);
    return text;
}

/// `--name VALUE`, or `NAME...`
std::string shape_of(Arg const& arg)
{
    std::string text(arg.name);
    if (!arg.name.starts_with('-')) return arg.takes == Arg::Takes::many ? text + "..." : text;
    auto const value = value_of(arg);
    if (value.empty()) return text;
    return arg.takes == Arg::Takes::yes_no ? text + " [" + value + "]" : text + " " + value;
}

std::string entry(Arg const& arg, std::string const& more)
{
    return ".TP\n\\fB" + roff(shape_of(arg)) + "\\fR\n" + roff(arg.help) + more + "\n";
}

std::string full_name(Group const& group, Command const& command)
{
    auto name = std::string(group.name);
    if (!command.name.empty()) name += (name.empty() ? "" : " ") + std::string(command.name);
    return name;
}

std::string synopsis(Group const& group, Command const& command)
{
    auto text = "elvesctl " + full_name(group, command);
    bool has_options = false;
    for (auto const& arg : command.args) {
        if (arg.name.starts_with('-')) {
            if (arg.is_required)
                text += " " + shape_of(arg);
            else
                has_options = true;
        } else {
            text += arg.is_required ? " " + shape_of(arg) : " [" + shape_of(arg) + "]";
        }
    }
    return has_options ? text + " [OPTIONS]" : text;
}

std::string section(Group const& group, Command const& command)
{
    auto text = ".SS \"" + roff(synopsis(group, command)) + "\"\n" + roff(command.help) + "\n";
    for (auto const& arg : command.args)
        text += entry(arg, arg.from_environment ? " (" + environment_name(arg) + ")" : "");
    return text;
}

std::string page()
{
    std::string text =
        ".TH ELVESCTL 1 \"\" \"elvesctl " ELVES_VERSION "\" \"User Commands\"\n"
        ".SH NAME\nelvesctl \\- control an Elves server and run tasks on its agents\n"
        ".SH SYNOPSIS\n.B elvesctl\n[OPTIONS] COMMAND ...\n"
        ".SH DESCRIPTION\nEach command asks the server once and ends. Options of all commands may "
        "stand before or behind the command. Words that begin with \\- go behind \\-\\-.\n"
        ".SH OPTIONS OF ALL COMMANDS\n";
    for (auto const& arg : global_args())
        text += entry(arg, is_from_environment(arg) ? " (" + environment_name(arg) + ")" : "");
    text += ".SH COMMANDS\n";
    for (auto const& group : groups()) {
        for (auto const& command : group.commands()) text += section(group, command);
    }
    return text + ".SH EXIT STATUS\n"
                  ".TP\n0\nSuccess.\n.TP\n1\nA task failed or came to no result; doctor or audit verify "
                  "found something.\n.TP\n2\nInvalid usage; nothing was sent.\n.TP\n3\nThe server was not "
                  "reached, did not answer, or refused.\n.TP\n130\nInterrupted.\n";
}

Exit man(Context const& with)
{
    auto const text = page();
    with.out.document(document_of(true, "", {{"page", text}}));
    with.out.raw(text);
    return Exit::well;
}

} // namespace

std::span<Command const> man_commands()
{
    static std::vector<Command> const all{
        {"man", "Print the manual page: elvesctl man | man -l -.", {}, man},
    };
    return all;
}

} // namespace elves::ctl
