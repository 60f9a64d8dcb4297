#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "agent/agent.hpp"
#include "agent/deploy_step.hpp"
#include "agent/join.hpp"
#include "core/process_signals.hpp"
#include "log/log_setup.hpp"

ELVES_PREPARE_PROCESS

namespace {

/// As it was started: an upgrade puts another file there.
std::string own_path()
{
    std::error_code failure;
    auto const path = std::filesystem::read_symlink("/proc/self/exe", failure);
    return failure ? "elves-agent" : path.string();
}

CLI::App& add_join(CLI::App& app, elves::agent::JoinCommand& join)
{
    auto& command = *app.add_subcommand("join",
        "Set up this machine's agent for a server, start it, and wait until it is let in. The server's "
        "`elvesctl join-token add` prints the line.");
    command.add_option("SERVER", join.server, "HOST:PORT of the server")->required();
    command.add_option("--token", join.token, "A join token")->required();
    command.add_option(
        "--pin", join.pin, "SHA-256 of the server's certificate, where the token does not have it");
    command.add_option("--ip", join.ip, "This machine's address (the one from which the server is reached)");
    command.add_option("--config", join.config, "The settings file, which is changed")->capture_default_str();
    command.add_flag("!--no-start", join.should_start, "Only write the settings");
    return command;
}

int run(std::string const& config, char** argv)
{
    auto const path = own_path();
    if (elves::agent::run_agent(config) == elves::agent::AgentEnd::drained) elves::execute_again(path, argv);
    return 0;
}

int check(std::string const& config)
{
    elves::LogSetup::mute();
    for (auto const& line : elves::agent::check_agent(config))
        std::cout << config << ": warning: " << line << "\n";
    std::cout << config << ": all is well\n";
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc == 2 && argv[1] == elves::agent::deploy_step_argument) return elves::agent::run_deploy_step();
    CLI::App app("elves-agent: runs on a host what its elvesd asks for");
    std::string config = "/etc/elves/agent.conf";
    bool is_check = false;
    elves::agent::JoinCommand join;
    join.config = config;
    app.add_option("--config", config, "The settings file")->capture_default_str();
    app.add_flag("--check", is_check, "Read the settings, say what is wrong with them, and end");
    app.set_version_flag("--version", ELVES_VERSION);
    auto const& joins = add_join(app, join);
    try {
        app.parse(argc, argv);
    } catch (CLI::CallForHelp const& wish) {
        return app.exit(wish);
    } catch (CLI::CallForVersion const& wish) {
        return app.exit(wish);
    } catch (CLI::ParseError const& problem) {
        std::cerr << "elves-agent: " << problem.what() << "\n";
        return 2;
    }
    try {
        if (joins.parsed()) {
            elves::agent::join(join);
            return 0;
        }
        return is_check ? check(config) : run(config, argv);
    } catch (std::exception const& problem) {
        std::cerr << "elves-agent: " << problem.what() << "\n";
        return 1;
    }
}
