#include <CLI/CLI.hpp>
#include <iostream>

#include "agent/agent.hpp"
#include "core/process_signals.hpp"
#include "log/log_setup.hpp"

ELVES_PREPARE_PROCESS

int main(int argc, char** argv)
{
    CLI::App app("elves-agent: runs on a host what its elvesd asks for");
    std::string config = "/etc/elves/agent.conf";
    bool check = false;
    app.add_option("--config", config, "The settings file")->capture_default_str();
    app.add_flag("--check", check, "Read the settings, say what is wrong with them, and end");
    app.set_version_flag("--version", ELVES_VERSION);
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
        if (check) {
            elves::LogSetup::mute();
            for (auto const& line : elves::agent::check_agent(config))
                std::cout << config << ": warning: " << line << "\n";
            std::cout << config << ": all is well\n";
        } else {
            elves::agent::run_agent(config);
        }
        return 0;
    } catch (std::exception const& problem) {
        std::cerr << "elves-agent: " << problem.what() << "\n";
        return 1;
    }
}
