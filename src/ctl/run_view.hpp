#pragma once

#include <string>
#include <vector>

#include "ctl/command.hpp"

namespace elves::ctl {

/// What a plan comes to, in lines for a person.
[[nodiscard]] std::vector<std::string> plan_lines(json::object const& plan);

/// Follows a run until it has ended or is paused: failures as they come, and the report. Ctrl-C leaves the
/// run going. The exit status is the run's.
[[nodiscard]] Exit watch_run(Context const& with, std::string const& id);
/// The report: its state, equal answers together, who was silent, and what would retry.
[[nodiscard]] Exit report_run(Context const& with, std::string const& id);

} // namespace elves::ctl
