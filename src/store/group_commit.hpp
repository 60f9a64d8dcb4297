#pragma once

#include <cstdint>
#include <span>

#include "store/unit.hpp"

namespace elves {

struct GroupResult {
    std::int64_t commits = 0;
    /// Nobody knows what is on disk (an I/O error at COMMIT), or the connection is beyond use: close it.
    bool in_doubt = false;
};

/// Runs all `units` in one transaction. Where one throws, it alone gets its exception as `error`: those
/// before it are run once more without it, and those after it go on. Where the disk refuses all, all that
/// are not committed by then get Error 507.1.
[[nodiscard]] GroupResult commit_group(Db& db, std::span<Unit> units);

} // namespace elves
