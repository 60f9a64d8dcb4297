#pragma once

#include <string>

#include "cron_job.hpp"
#include "elves/services/authority.hpp"

namespace elves {

/// Why a job's `ins.proxy` may not run any more: the key that set it has lost the right `files`. "" where it
/// may: without a proxy, set without a key, or by a key that is deleted by now. `keys`: null without keys.
[[nodiscard]] std::string missing_file_right(CronJob const& job, Authority const* keys);

} // namespace elves
