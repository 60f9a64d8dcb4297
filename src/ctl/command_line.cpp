#include "ctl/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace elves::ctl {

namespace {

// The parser's own validators would word it differently from ours.
void check_choice(Arg const& arg, std::string const& given)
{
    if (arg.choices.empty()) return;
    if (std::find(arg.choices.begin(), arg.choices.end(), given) != arg.choices.end()) return;
    std::string right;
    for (auto const choice : arg.choices) right += (right.empty() ? "" : ", ") + std::string(choice);
    throw Usage(std::string(arg.name) + " is \"" + given + "\"; give one of " + right);
}

/// The parser takes a word in brackets apart as a list, and loses what stands behind `--` where a place takes
/// many; with this before them, it leaves `[1,2]` and `-x` alone.
constexpr char shield = '\x01';

std::vector<std::string> shielded(std::vector<std::string> words)
{
    auto const end = std::find(words.begin(), words.end(), "--");
    for (auto word = words.begin(); word != words.end(); ++word) {
        if (word->starts_with('[') || (word > end && word->starts_with('-'))) *word = shield + *word;
    }
    if (end != words.end()) words.erase(end);
    return words;
}

std::string unshielded(std::string word)
{
    std::erase(word, shield);
    return word;
}

CLI::Option* add_arg(CLI::App& app, Arg const& arg)
{
    std::string const name(arg.name);
    std::string const help(arg.help);
    if (arg.takes == Arg::Takes::flag) return app.add_flag(name, help);
    auto* const option = app.add_option(
        name, [](CLI::results_t const&) { return true; }, help);
    option->required(arg.is_required)->type_name(name.starts_with('-') ? "X" : "");
    if (arg.takes == Arg::Takes::many) {
        option->expected(CLI::detail::expected_max_vector_size);
    } else {
        option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
    if (arg.takes == Arg::Takes::yes_no) option->expected(0, 1);
    if (!arg.choices.empty()) {
        std::string choices;
        for (auto const choice : arg.choices) choices += (choices.empty() ? "" : "|") + std::string(choice);
        option->type_name(choices);
    }
    return option;
}

/// `--timeout` once meant another thing where it stood before the command; nothing may take it for that.
void refuse_early_timeout(CLI::App const& root, std::vector<std::string> const& words)
{
    for (auto word = words.begin(); word != words.end() && word->starts_with('-'); ++word) {
        if (*word == "--") return;
        if (*word == "--timeout" || word->starts_with("--timeout="))
            throw Usage(
                "--timeout stands before the command, but is the worker's time, which goes behind exec "
                "or cron set; for the server give --connect-timeout or --answer-timeout");
        auto const* const option = root.get_option_no_throw(*word);
        if (option != nullptr && option->get_items_expected() > 0 && std::next(word) != words.end()) ++word;
    }
}

/// The first word that stands where a command should and is none; "" where all is well.
std::string unknown_command(CLI::App const& root, std::vector<std::string> const& words)
{
    for (auto word = words.begin(); word != words.end(); ++word) {
        auto const* const option = root.get_option_no_throw(*word);
        if (option != nullptr && option->get_items_expected() > 0 && std::next(word) != words.end()) {
            ++word;
        } else if (!word->starts_with('-')) {
            auto const named = [&](CLI::App const* command) { return command->check_name(*word); };
            return root.get_subcommands(named).empty() ? *word : "";
        }
    }
    return "";
}

Args::Given given_to(CLI::App const& app, std::vector<Arg> const& args)
{
    Args::Given given;
    for (auto const& arg : args) {
        auto const* const option = app.get_option_no_throw(std::string(arg.name));
        if (option == nullptr || option->count() == 0) continue;
        auto& values = given[std::string(arg.name)];
        for (auto const& word : option->results()) {
            values.push_back(word.starts_with(shield) ? word.substr(1) : word);
            if (arg.takes == Arg::Takes::yes_no && word.empty()) values.back() = "true"; // `--name` alone
            check_choice(arg, values.back());
        }
    }
    return given;
}

} // namespace

CommandLine::CommandLine()
    : root_(std::make_unique<CLI::App>("Control an Elves server and run tasks on its agents.", "elvesctl"))
{
    root_->require_subcommand(1);
    root_->fallthrough(); // so that --json and its like may stand behind the command too
    root_->set_version_flag("--version", ELVES_VERSION);
    root_->footer(
        "Exit status: 0 success; 1 a task failed; 2 invalid usage; 3 the server was not reached, did not "
        "answer, "
        "or refused; 130 interrupted.\n"
        "Options of all commands may come from the environment: ELVES_SERVER, ELVES_AUTH_FILE, ELVES_TLS_CA, "
        "ELVES_CONNECT_TIMEOUT ...\n"
        "Words that begin with - go behind a -- : elvesctl exec -- 10.0.0.1 app func --param\n"
        "Manual: elvesctl man | man -l -");
    root_->get_formatter()->column_width(36);
    for (auto const& arg : global_args()) {
        auto* const option = add_arg(*root_, arg);
        if (is_from_environment(arg)) option->envname(environment_name(arg));
    }
    for (auto const& group : groups()) {
        auto* under = root_.get();
        if (!group.name.empty()) {
            under = root_->add_subcommand(std::string(group.name), std::string(group.help));
            under->require_subcommand(1);
        }
        for (auto const& command : group.commands()) {
            if (command.name.empty()) {
                under->require_subcommand(0, 1);
                give(*under, command);
            } else {
                give(*under->add_subcommand(std::string(command.name), std::string(command.help)), command);
            }
        }
    }
}

CommandLine::~CommandLine() = default;

void CommandLine::give(CLI::App& app, Command const& command)
{
    for (auto const& arg : command.args) {
        auto* const option = add_arg(app, arg);
        if (arg.from_environment) option->envname(environment_name(arg));
    }
    app.callback([this, &app, &command] {
        if (!app.get_subcommands().empty()) return; // one of the group's others was typed
        command_ = &command;
        command_given_ = given_to(app, command.args);
    });
}

void CommandLine::parse(std::vector<std::string> arguments)
{
    refuse_early_timeout(*root_, arguments);
    auto const unknown = unknown_command(*root_, arguments);
    auto const dashes = std::find(arguments.begin(), arguments.end(), "--");
    auto const behind = dashes == arguments.end() ? 0 : arguments.end() - dashes - 1;
    arguments = shielded(std::move(arguments));
    std::reverse(arguments.begin(), arguments.end()); // as the parser takes a vector
    try {
        root_->parse(std::move(arguments));
        given_ = given_to(*root_, global_args());
        if (behind > 0) command_given_["--"] = {std::to_string(behind)};
    } catch (CLI::CallForVersion const&) {
        help_ = std::string("elvesctl ") + ELVES_VERSION + '\n';
    } catch (CLI::Success const&) {
        help_ = root_->help();
    } catch (CLI::RequiredError const& error) {
        throw Usage(unknown.empty()
                        ? unshielded(error.what()) + "; --help behind the command shows what it takes"
                        : "there is no command \"" + unknown + "\"; elvesctl --help shows those there are");
    } catch (CLI::ParseError const& error) {
        throw Usage(unshielded(error.what()) + "; --help behind the command shows what it takes");
    }
}

} // namespace elves::ctl
