#include <CLI/CLI.hpp>
#include <iostream>

#include <csignal>
#include <unistd.h>

#include "core/process_signals.hpp"
#include "log/log_setup.hpp"
#include "server/house.hpp"

ELVES_PREPARE_PROCESS

/// As PID 1 of a container it inherits orphans of others: the kernel reaps them where nobody asks how they
/// ended.
static void reap_orphans()
{
    if (::getpid() == 1) std::signal(SIGCHLD, SIG_IGN);
}

int main(int argc, char** argv)
{
    reap_orphans();
    CLI::App app("elvesd: runs work on fleets of hosts, and knows what came of it");
    std::string config = "/etc/elves/elves.conf";
    std::string admin;
    bool check = false;
    app.add_option("--config", config, "The settings file")->capture_default_str();
    auto* const check_flag =
        app.add_flag("--check", check, "Read the settings, say what is wrong with them, and end");
    app.add_option("--init-admin", admin, "Make an admin key of that name, print key and token, and end")
        ->excludes(check_flag);
    app.set_version_flag("--version", ELVES_VERSION);
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& problem) {
        return app.exit(problem) == 0 ? 0 : 2;
    }
    try {
        if (check) {
            elves::LogSetup::mute();
            auto const checked = elves::check_server(config, elves::builtin_modules());
            for (auto const& line : checked.warnings) std::cout << config << ": warning: " << line << "\n";
            for (auto const& file : checked.would_load)
                std::cout << config << ": would load " << file << "; --check runs nothing of it\n";
            if (!checked.in_use_by.empty())
                std::cout << config << ": warning: the data file is in use by " << checked.in_use_by
                          << ": a second server could not start\n";
            std::cout << config << ": all is well\n";
        } else if (!admin.empty()) {
            auto const issued = elves::init_admin(config, admin, elves::builtin_modules());
            std::cout << "key " << issued.key << "\ntoken " << issued.token << "\n";
        } else {
            elves::run_server(config, elves::builtin_modules());
        }
        return 0;
    } catch (std::exception const& problem) {
        std::cerr << "elvesd: " << problem.what() << "\n";
        return 1;
    }
}
