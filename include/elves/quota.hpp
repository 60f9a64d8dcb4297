#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "elves/error.hpp"

namespace elves {

/// Upper limits on what one key may hold at once. An empty member means the server's default.
struct Quota {
    std::optional<std::int64_t> waiting_tasks; ///< Tasks that are not final, of all agents together.
    std::optional<std::int64_t> waiting_bytes; ///< What those take on disk, in bytes.
    std::optional<std::int64_t> workers;       ///< Workers of one agent at a time; at least 1.
    std::optional<std::int64_t> cron_jobs;     ///< Cron jobs, paused ones included.
    std::optional<std::int64_t> bytes_per_day; ///< What the key's tasks may write to disk in a day (UTC).
};

/// What one key holds now.
struct KeyUsage {
    std::int64_t waiting_tasks = 0;
    std::int64_t waiting_bytes = 0;
    std::int64_t cron_jobs = 0;
    std::int64_t bytes_today = 0;
};

/// Error 429.1: a quota of a key, or the key's share of a pool, is used up. Unlike other errors of that code
/// it does not pass within moments, so nobody retries at once.
class QuotaExceeded : public Error {
public:
    explicit QuotaExceeded(std::string const& text) : Error(codes::too_much, text) {}
};

/// The part of a pool that keys of other roles than admin may fill together: the last tenth is for admins.
[[nodiscard]] constexpr std::size_t shared_part(std::size_t pool) noexcept { return pool - pool / 10; }
/// The part of one agent's pool that one key may fill, unless its role is admin.
[[nodiscard]] constexpr std::size_t one_key_part(std::size_t pool) noexcept { return pool - pool / 2; }
/// The part of the server's pool that one key may fill by default, unless its role is admin.
[[nodiscard]] constexpr std::size_t default_part(std::size_t pool) noexcept { return pool / 4; }

} // namespace elves
