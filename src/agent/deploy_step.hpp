#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "agent/worker_command.hpp"
#include "elves/deployment.hpp"

namespace elves::agent {

/// The argument that makes elves-agent the child process of a deployment.
inline constexpr std::string_view deploy_step_argument = "--deploy-step";

/// What the child process of a deployment is to do.
struct DeployStep {
    std::filesystem::path apps;
    std::filesystem::path package; ///< Empty: roll back.
    Deployment deployment;
    std::int64_t max_unpacked = 0; ///< Bytes.

    /// This program, with the step on its standard input. It parses what comes from outside, and takes as
    /// long as the disk does: neither is for the agent's own process.
    [[nodiscard]] WorkerCommand command() const;
};

/// Runs in the child process: carries out the step and reports its result as a worker does. Returns the exit
/// status.
[[nodiscard]] int run_deploy_step();

} // namespace elves::agent
