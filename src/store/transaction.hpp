#pragma once

#include "elves/sql.hpp"

namespace elves {

/// Rolled back at the end of its scope unless committed.
class Transaction {
public:
    enum class Kind { write, read };
    /// To write is BEGIN IMMEDIATE: a read that turns into a write may find that it came too late.
    explicit Transaction(Db& db, Kind kind = Kind::write);
    ~Transaction();
    Transaction(Transaction const&) = delete;
    Transaction& operator=(Transaction const&) = delete;

    /// False once SQLite has rolled back on its own, as it may on a full disk or an I/O error: what is run
    /// then would commit each for itself.
    [[nodiscard]] bool open() const;
    /// Has the connection's parts write what they staged. A failure of the disk here leaves no doubt, as one
    /// at COMMIT may: nothing is committed.
    void write_parts();
    /// Writes what the parts have staged since, and commits.
    void commit();

private:
    Db& db_;
};

} // namespace elves
