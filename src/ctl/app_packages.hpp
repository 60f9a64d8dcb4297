#pragma once

#include <vector>

#include "ctl/command.hpp"

namespace elves::ctl {

/// The commands of `app` that roll out versions.
[[nodiscard]] std::vector<Command> package_commands();

} // namespace elves::ctl
