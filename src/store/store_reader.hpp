#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "store/unit.hpp"

namespace elves {

/// A read-only connection of a store. Has no queue and no threads: one thread at a time uses it.
class StoreReader {
public:
    /// Opens the data file with the first read. `vfs`: as StoreWriter has it.
    explicit StoreReader(std::string path, char const* vfs = nullptr) : path_(std::move(path)), vfs_(vfs) {}

    /// Throws as open_db.
    void open();
    /// Runs `unit` in one read transaction; its failure is its `error`. It ends with Error 429.1 once it has
    /// taken `limit`, or `stopping` is set. After an Error 507.1 the file is opened anew first.
    void read(Unit& unit, std::chrono::milliseconds limit, std::atomic<bool> const& stopping);

private:
    [[nodiscard]] bool is_over() const;

    std::string path_;
    char const* vfs_;
    std::unique_ptr<Db> db_;
    std::chrono::steady_clock::time_point deadline_;
    std::atomic<bool> const* stopping_ = nullptr;
};

} // namespace elves
