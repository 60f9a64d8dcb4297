#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ctl/command.hpp"

namespace elves::ctl {

/// What was typed, taken apart by the table of commands.
class CommandLine {
public:
    CommandLine();
    ~CommandLine();

    /// Without the program's name. Throws Usage.
    void parse(std::vector<std::string> arguments);

    /// Help or version was asked for: this is it, and there is no command.
    [[nodiscard]] std::string const& help() const noexcept { return help_; }
    [[nodiscard]] Command const& command() const noexcept { return *command_; }
    [[nodiscard]] Args args() const { return Args(command_given_); }
    /// What stands before the command: `--server` and its like.
    [[nodiscard]] Args options() const { return Args(given_); }
    [[nodiscard]] CLI::App const& tree() const noexcept { return *root_; }

private:
    void give(CLI::App& app, Command const& command);

    std::unique_ptr<CLI::App> root_;
    Args::Given given_;
    Args::Given command_given_;
    Command const* command_ = nullptr;
    std::string help_;
};

} // namespace elves::ctl
