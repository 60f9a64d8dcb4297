#pragma once

#include <string>
#include <vector>

#include "ctl/command.hpp"

namespace elves::ctl {

/// The fields of a run as they were typed: `TARGET [OPTIONS] -- APP FUNC [PARAM]`; `usage` says how, in
/// mistakes.
[[nodiscard]] json::object typed_run(Args const& args, std::string_view usage);
/// What `typed_run` reads: those words, and the options of a run.
[[nodiscard]] std::vector<Arg> run_args();

/// The options that say how a run goes on: waves, failures, time.
[[nodiscard]] std::vector<Arg> run_limit_args();
/// Adds those that were typed.
void put_run_limits(Args const& args, json::object& fields);

/// A target may have been typed without quotes around it.
[[nodiscard]] std::string typed_target(Args const& args);

} // namespace elves::ctl
