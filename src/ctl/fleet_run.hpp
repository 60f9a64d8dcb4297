#pragma once

#include <vector>

#include "ctl/command.hpp"

namespace elves::ctl {

/// Plans a run of those fields, asks whether it is meant, starts it and follows it, as the options of
/// `start_run_args` say.
[[nodiscard]] Exit start_run(Context const& with, json::object fields);
[[nodiscard]] std::vector<Arg> start_run_args();

} // namespace elves::ctl
