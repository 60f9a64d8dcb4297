#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "store/group_commit.hpp"
#include "store/unit.hpp"

namespace elves {

/// The writing connection of a store: commits groups of units, opens the file anew after a commit in doubt,
/// and keeps -wal file and free pages small. Has no queue and no threads: one thread at a time uses it.
class StoreWriter {
public:
    /// Opens the data file. `vfs`: SQLite's name of a file system other than the usual; null for that. Throws
    /// as open_db.
    explicit StoreWriter(std::string path, char const* vfs = nullptr);
    StoreWriter(StoreWriter const&) = delete;
    StoreWriter& operator=(StoreWriter const&) = delete;

    /// Opens the file again where a commit was in doubt; otherwise does nothing. Throws Error 507.1.
    Db& open();
    /// Commits `units`, as commit_group does. Where the file cannot be opened, all of them get that error.
    GroupResult write(std::span<Unit> units);
    /// Behind a commit: checkpoints and gives free pages back, where that is due. `is_idle`: nothing else
    /// waits to be written.
    void maintain(std::function<bool()> const& is_idle);
    /// At the end, where something was written.
    void optimize();

private:
    void checkpoint(std::function<bool()> const& is_idle);
    void give_back_pages(std::function<bool()> const& is_idle);
    void connect();

    std::string path_;
    char const* vfs_;
    std::unique_ptr<Db> db_; ///< Null after a commit in doubt.
    int wal_pages_ = 0;
    std::chrono::steady_clock::time_point looked_at_pages_;
};

} // namespace elves
