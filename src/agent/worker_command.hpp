#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/run_rules.hpp"
#include "elves/instruction.hpp"

namespace elves::agent {

/// Where workers may come from, and what may run them.
struct WorkerRules {
    std::filesystem::path apps;            ///< The folder of the apps' folders.
    std::vector<std::string> interpreters; ///< Names to be found on `path`, or absolute paths.
    std::string path;                      ///< The search path, as in $PATH.
    bool param_by_input = false;           ///< Every param goes by standard input, not only a long one.
    RunRules run_rules{};                  ///< Name the functions whose manifest demands that.
};

/// One worker, ready to start.
struct WorkerCommand {
    std::filesystem::path program; ///< What to execute: absolute, without links.
    std::vector<std::string> argv;
    std::filesystem::path folder; ///< To run in: the app's own.
    std::string input;            ///< For its standard input.
};

/// What an instruction means here. An app with a manifest (AppManifest) runs what that says for the function,
/// and nothing else; any other its own entry, or the file that `ins.proxy` names. The file is looked for
/// under the app's folder, symlinks followed, and must be in there; that folder may itself be a link, as to a
/// version, to one in the apps folder. Nobody but root and we ourselves may be able to change it or its
/// interpreter, or what leads to them. Throws Error 413.2 (no such app), 403.10 (`ins.proxy` or the manifest:
/// which file or interpreter, and why not), 403.3, 403.7, 403.2 (the manifest: it is invalid, or does not
/// have the function, or does not take the param) or 401.6 (who else could change what; `[agent] allow` does
/// not name a function whose manifest demands it).
[[nodiscard]] WorkerCommand worker_command(Instruction const& instruction, WorkerRules const& rules);

} // namespace elves::agent
