#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace elves {

/// What the file system says of a data file. Bytes; -1: not known.
struct DiskSpace {
    std::int64_t file = -1;       ///< Of the data file.
    std::int64_t wal = -1;        ///< Of SQLite's -wal file beside it; 0 where there is none.
    std::int64_t free = -1;       ///< That this user may still write on that file system.
    std::int64_t last_backup = 0; ///< When the last backup was made, s since 1970; 0: not known.
    friend bool operator==(DiskSpace const&, DiskSpace const&) = default;
};

/// The file beside the data file whose time of change is that of the last backup.
[[nodiscard]] std::string backup_mark(std::string const& path);

/// Blocks on the file system, so never on the event loop.
[[nodiscard]] DiskSpace measure_disk_space(std::string const& path);

/// When to warn, in bytes. 0: never.
struct DiskSpaceLimits {
    std::int64_t free_below = 512LL * 1024 * 1024;
    std::int64_t wal_above = 256LL * 1024 * 1024;
};

/// Watches the room of one data file. A warning is logged when it begins and when it ends; between the two
/// limits of each (a quarter apart) nothing changes. One thread at a time.
class DiskSpaceWatch {
public:
    struct Warning {
        std::string check; ///< `store.space`, `store.wal`.
        std::string what;
        std::string advice;
    };

    explicit DiskSpaceWatch(DiskSpaceLimits limits) : limits_(limits) {}
    /// Takes a new measurement.
    void see(DiskSpace const& space);
    /// What there is to warn of.
    [[nodiscard]] std::vector<Warning> warnings() const;
    [[nodiscard]] DiskSpace const& space() const noexcept { return space_; }

private:
    DiskSpaceLimits limits_;
    DiskSpace space_;
    bool is_low_ = false;
    bool is_wal_large_ = false;
};

} // namespace elves
