#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/audit_record.hpp"
#include "elves/json.hpp"

namespace elves::audit {

/// The first row where the chain is broken.
struct Break {
    std::int64_t seq = 0;
    std::string kind; ///< `changed`, `missing` or `reordered`.
    std::string what;
};

/// How far the chain was followed, and what was found.
struct Verdict {
    std::int64_t checked = 0; ///< Rows.
    ChainPoint start;         ///< Where the chain begins: the row before its first.
    ChainPoint at;            ///< The last row that is right.
    bool more = false;        ///< There are rows behind it.
    bool pruned = false;      ///< The row to begin behind is gone by age: begun at `start` in its place.
    std::optional<Break> found;
};

/// Follows the chain from its start, or from behind `from`, which has to be there as it is given; at most
/// `limit` rows, so that a long chain is followed in steps: each begins where the last one is `at`. Any
/// thread.
[[nodiscard]] Verdict verify(Db& db, std::optional<ChainPoint> const& from, std::int64_t limit);

/// `checked`, `start`, `at`, `more`, `pruned`, and of a break `seq`, `kind`, `what`.
[[nodiscard]] json::object to_json(Verdict const& verdict);

} // namespace elves::audit
