#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "elves/asio.hpp"
#include "elves/quota.hpp"

namespace elves {

/// A module's resources that are charged to keys. Each member has a default: a module implements what it
/// owns. On the loop's thread.
class KeyResources {
public:
    virtual ~KeyResources() = default;

    /// Adds what this module holds for `key`.
    virtual void add_usage(std::string_view, KeyUsage&) const {}
    /// Adds each key for which this module holds something.
    virtual void add_holders(std::set<std::string>&) const {}
    /// The key has been deleted. What it holds stays, and takes no room in the pools from now on.
    virtual void on_key_deleted(std::string_view) {}
    /// What the key may do has changed.
    virtual void on_key_changed(std::string_view) {}
    /// Ends what this module holds for `key`, and returns how many tasks or jobs that were. Throws Error
    /// 507.1 when the disk does not take it; what has ended by then stays ended.
    [[nodiscard]] virtual asio::awaitable<std::size_t> end_all(std::string) { co_return 0; }
};

/// The quotas of keys, and what keys hold. Offered by supervisor. From memory; on the loop's thread.
class Quotas {
public:
    static constexpr std::string_view service_name = "Quotas (supervisor)";
    virtual ~Quotas() = default;

    /// The limits of one key, with the defaults filled in.
    struct Limits {
        bool is_admin = false; ///< May also use the reserved part of each pool.
        bool is_known = true;  ///< False for a deleted key.
        std::int64_t waiting_tasks = 0;
        std::int64_t waiting_bytes = 0;
        std::int64_t cron_jobs = 0;
        std::int64_t bytes_per_day = 0;
        std::optional<std::int64_t> workers{}; ///< Empty: the agent's default.
    };
    /// `key`: its id; "" is the caller without a key, who acts as admin.
    [[nodiscard]] virtual Limits limits_of(std::string_view key) const = 0;
    /// The key as error texts name it: its name, or its id where it has none.
    [[nodiscard]] virtual std::string name_of(std::string_view key) const = 0;
    /// Which key holds most of something.
    struct Holder {
        std::string key; ///< "" where nobody holds any.
        std::int64_t held = 0;
        std::int64_t limit = 0;
    };
    /// For `elves.stats` and `elves.doctor`. Costs a look at each key that holds something.
    struct Largest {
        Holder waiting_tasks, waiting_bytes, cron_jobs, bytes_today;
    };
    [[nodiscard]] virtual Largest largest() const = 0;
    /// From a module's glue function; `resources` outlives the run of the loop.
    virtual void add(KeyResources& resources) = 0;
};

} // namespace elves
