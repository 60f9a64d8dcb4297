#pragma once

#include "ctl/command.hpp"

namespace elves::ctl {

/// `cron next`: the times of a rule, without a server.
[[nodiscard]] Exit cron_next(Context const& with);

} // namespace elves::ctl
