#include "store/disk_space.hpp"

#include <filesystem>
#include <utility>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "elves/log.hpp"

namespace elves {

namespace {

std::int64_t size_of(std::string const& path, std::int64_t where_missing)
{
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? std::int64_t{found.st_size} : where_missing;
}

constexpr std::int64_t quarter(std::int64_t limit) { return limit / 4; }

} // namespace

std::string backup_mark(std::string const& path) { return path + ".last-backup"; }

DiskSpace measure_disk_space(std::string const& path)
{
    DiskSpace space{size_of(path, -1), size_of(path + "-wal", 0), -1, 0};
    struct stat mark {};
    if (::stat(backup_mark(path).c_str(), &mark) == 0) space.last_backup = std::int64_t{mark.st_mtime};
    struct statvfs file_system {};
    auto const folder = std::filesystem::path(path).parent_path().string();
    if (::statvfs(folder.empty() ? "." : folder.c_str(), &file_system) == 0)
        space.free =
            static_cast<std::int64_t>(file_system.f_bavail) * static_cast<std::int64_t>(file_system.f_frsize);
    return space;
}

void DiskSpaceWatch::see(DiskSpace const& space)
{
    space_ = space;
    if (space.free >= 0) {
        auto const limit = limits_.free_below + (is_low_ ? quarter(limits_.free_below) : 0);
        bool const is_low = limits_.free_below > 0 && space.free < limit;
        if (std::exchange(is_low_, is_low) != is_low) {
            if (is_low)
                ELVES_LOG(warning, "store.space_low free_bytes=" << space.free
                                                                 << " limit=" << limits_.free_below
                                                                 << ": make room before writes are refused");
            else
                ELVES_LOG(info, "store.space_is_back free_bytes=" << space.free);
        }
    }
    auto const most = limits_.wal_above - (is_wal_large_ ? quarter(limits_.wal_above) : 0);
    bool const is_large = limits_.wal_above > 0 && space.wal > most;
    if (std::exchange(is_wal_large_, is_large) == is_large) return;
    if (is_large)
        ELVES_LOG(
            warning, "store.wal_large wal_bytes=" << space.wal << " limit=" << limits_.wal_above
                                                  << ": a program that reads the data file holds it up, or "
                                                     "the disk is too slow for what is written");
    else
        ELVES_LOG(info, "store.wal_is_small wal_bytes=" << space.wal);
}

std::vector<DiskSpaceWatch::Warning> DiskSpaceWatch::warnings() const
{
    std::vector<Warning> all;
    if (is_low_)
        all.push_back({"store.space",
            "only " + std::to_string(space_.free) +
                " bytes are free on the data file's file system ([store] "
                "free_warning)",
            "make room there: once nothing is left, all writes are refused with [507.1]"});
    if (is_wal_large_)
        all.push_back(
            {"store.wal", "the -wal file has " + std::to_string(space_.wal) + " bytes ([store] wal_warning)",
                "end programs that have the data file open, such as a long `sqlite3` or `elvesctl --store`; "
                "if there "
                "are none, the disk is too slow for what is written"});
    return all;
}

} // namespace elves
