#include <CLI/CLI.hpp>

#include "ctl/command.hpp"

namespace elves::ctl {

namespace {

/// What may follow where one command, or the program itself, has been typed.
struct Place {
    std::string path; ///< `cron set`; empty at the top.
    std::vector<CLI::App const*> commands;
    std::vector<CLI::Option const*> options;
    std::string choices; ///< Of what stands in its place, such as `bash zsh fish`.
};

std::string first_name(CLI::Option const& option)
{
    if (!option.get_lnames().empty()) return "--" + option.get_lnames().front();
    return option.get_snames().empty() ? "" : "-" + option.get_snames().front();
}

std::string choices_of(CLI::Option const& option)
{
    auto words = option.get_type_name();
    if (words.find('|') == std::string::npos) return "";
    std::replace(words.begin(), words.end(), '|', ' ');
    return words;
}

/// Depth first, the top at the front.
void add_places(std::vector<Place>& places, CLI::App const& app, std::string const& path)
{
    Place place{path, {}, {}, {}};
    for (auto const* const option : app.get_options()) {
        if (!first_name(*option).empty()) {
            place.options.push_back(option);
        } else {
            place.choices += choices_of(*option);
        }
    }
    place.commands = app.get_subcommands([](CLI::App const*) { return true; });
    auto const commands = place.commands;
    places.push_back(std::move(place));
    for (auto const* const command : commands) {
        add_places(places, *command, path.empty() ? command->get_name() : path + " " + command->get_name());
    }
}

std::vector<Place> places_of(CLI::App const& tree)
{
    std::vector<Place> places;
    add_places(places, tree, "");
    return places;
}

/// Whether `--name X` takes the word after it.
bool takes_word(CLI::Option const& option) { return option.get_items_expected_max() > 0; }

std::string shell_word(std::string const& text)
{
    std::string out = "'";
    for (auto const c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string words_at(Place const& place, std::vector<CLI::Option const*> const& everywhere)
{
    auto words = place.choices.empty() ? "" : place.choices + " ";
    for (auto const* const command : place.commands) words += command->get_name() + " ";
    for (auto const* const option : place.options) words += first_name(*option) + " ";
    if (!place.path.empty()) {
        for (auto const* const option : everywhere) {
            auto const name = first_name(*option);
            if ((" " + words).find(" " + name + " ") == std::string::npos) words += name + " ";
        }
    }
    words.pop_back();
    return words;
}

/// bash; zsh understands it too, by its own bashcompinit.
std::string bash_script(CLI::App const& tree)
{
    auto const places = places_of(tree);
    std::string paths;
    std::string words;
    std::string values;
    for (auto const& place : places) {
        words += "        " + shell_word(place.path) +
                 ") words=" + shell_word(words_at(place, places[0].options)) + " ;;\n";
        if (!place.path.empty()) paths += (paths.empty() ? "" : "|") + shell_word(place.path);
        for (auto const* const option : place.options) {
            if (!takes_word(*option)) continue;
            values += "        " + shell_word(place.path + " " + first_name(*option)) +
                      ") choices=" + shell_word(choices_of(*option)) + "; takes=1 ;;\n";
        }
    }
    return "# elvesctl's completion for bash: source it, or put it into bash-completion's folder.\n"
           "_elvesctl_takes()\n{\n"
           "    takes= choices=\n"
           "    case \"$1\" in\n" +
           values +
           "    esac\n"
           "}\n"
           "_elvesctl()\n{\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} before='' path='' word i words takes choices\n"
           "    COMPREPLY=()\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        word=${COMP_WORDS[i]}\n"
           "        if [[ -n $before ]]; then before=''; continue; fi\n"
           "        if [[ $word == -* ]]; then\n"
           "            _elvesctl_takes \"$path $word\"\n"
           "            [[ -z $takes ]] && _elvesctl_takes \" $word\"\n"
           "            [[ -n $takes ]] && before=$word\n"
           "            continue\n"
           "        fi\n"
           "        case \"${path:+$path }$word\" in\n"
           "        " +
           paths +
           ") path=\"${path:+$path }$word\" ;;\n"
           "        esac\n"
           "    done\n"
           "    if [[ -n $before ]]; then\n"
           "        if [[ -z $choices ]]; then\n"
           "            COMPREPLY=($(compgen -f -- \"$current\"))\n"
           "        else\n"
           "            COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n"
           "        fi\n"
           "        return\n"
           "    fi\n"
           "    case \"$path\" in\n" +
           words +
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    if [[ $path == 'cmdb import' && $current != -* ]]; then\n"
           "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
           "    fi\n"
           "}\n"
           "complete -F _elvesctl elvesctl\n";
}

std::string zsh_script(CLI::App const& tree)
{
    return "#compdef elvesctl\n"
           "# elvesctl's completion for zsh: source it, or put it into a folder of $fpath as _elvesctl.\n"
           "autoload -Uz +X compinit bashcompinit\n"
           "(( $+functions[compdef] )) || compinit\n"
           "bashcompinit\n" +
           bash_script(tree);
}

/// A condition: these words, one after the other, have been typed (others may stand between).
std::string fish_seen(std::string const& path)
{
    if (path.empty()) return "__fish_use_subcommand";
    std::string seen;
    for (std::size_t at = 0; at < path.size();) {
        auto const end = std::min(path.find(' ', at), path.size());
        seen += (seen.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") +
                path.substr(at, end - at);
        at = end + 1;
    }
    return seen;
}

std::string fish_script(CLI::App const& tree)
{
    std::string script =
        "# elvesctl's completion for fish: put it into ~/.config/fish/completions/elvesctl.fish.\n"
        "complete -c elvesctl -f\n";
    for (auto const& place : places_of(tree)) {
        auto seen = fish_seen(place.path);
        std::string names;
        for (auto const* const command : place.commands) names += " " + command->get_name();
        // A group's commands only until one of them stands there.
        auto const none_yet =
            place.path.empty() ? seen : seen + "; and not __fish_seen_subcommand_from" + names;
        for (auto const* const command : place.commands) {
            script += "complete -c elvesctl -n " + shell_word(none_yet) + " -a " + command->get_name() +
                      " -d " + shell_word(command->get_description()) + '\n';
        }
        if (!place.choices.empty()) {
            script +=
                "complete -c elvesctl -n " + shell_word(seen) + " -a " + shell_word(place.choices) + '\n';
        }
        for (auto const* const option : place.options) {
            script += "complete -c elvesctl";
            if (!place.path.empty()) script += " -n " + shell_word(seen);
            script += " -l " + first_name(*option).substr(2) + (takes_word(*option) ? " -r" : "") +
                      (first_name(*option) == "--auth-file" ? " -F" : "");
            if (auto const choices = choices_of(*option); !choices.empty())
                script += " -a " + shell_word(choices);
            script += " -d " + shell_word(option->get_description()) + '\n';
        }
    }
    return script + "complete -c elvesctl -n '__fish_seen_subcommand_from import' -F\n";
}

Exit completion(Context const& with)
{
    auto const shell = with.args.text("SHELL");
    auto const script = shell == "bash"  ? bash_script(with.tree)
                        : shell == "zsh" ? zsh_script(with.tree)
                                         : fish_script(with.tree);
    with.out.document(document_of(true, "", {{"script", script}}));
    with.out.raw(script);
    return Exit::well;
}

Arg shell()
{
    auto arg = one_of("SHELL", "Yours.", {"bash", "zsh", "fish"});
    arg.is_required = true;
    return arg;
}

} // namespace

std::span<Command const> completion_commands()
{
    static std::vector<Command> const all{
        {"completion", "Prints a script that completes elvesctl's words in your shell.", {shell()},
            completion},
    };
    return all;
}

} // namespace elves::ctl
