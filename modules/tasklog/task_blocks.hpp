#pragma once

#include <cstdint>

#include "elves/sql.hpp"

namespace elves::task_records {

/// Divides the tasks into blocks in the order of their keys, and keeps the list of open tasks short: for each
/// connection what it knows of the tables `task_blocks`, `open_since` and `open_before`, so that most writes
/// neither read nor change them. On the store's thread.
///
/// Invariant, in every committed state: an open task whose key is smaller than `open_since` is in
/// `open_before`.
class TaskBlocks final : public TransactionPart {
public:
    /// A block has as many tasks; some more where keys are written in another order than they were made in.
    static constexpr std::int64_t tasks_a_block = 1'024;

    /// The block for the row of a new task, which is written next. Begins a new block where the newest one
    /// is full.
    [[nodiscard]] std::int64_t block_of_new(Db& db, std::int64_t key);
    /// To be called with every write of a task: it is open from now on, or is not.
    void set_open(Db& db, std::int64_t key, bool is_open);

    void before_commit(Db&) override {}
    void on_rollback() noexcept override { state_ = {}; }

private:
    struct State {
        bool is_known = false; ///< Otherwise the rest is to be read from the file.
        bool has_block = false;
        std::int64_t block = 0;  ///< The newest.
        std::int64_t first = 0;  ///< Its smallest key.
        std::int64_t newest = 0; ///< The largest key of all tasks.
        std::int64_t count = 0;  ///< Tasks in that block.
        std::int64_t open_since = 0;
    };

    void load(Db& db);
    void begin_block(Db& db, std::int64_t block, std::int64_t first);
    void advance_open_since(Db& db);

    State state_;
};

/// The block that has the task `key`, or would have it. 0 where there are no blocks.
[[nodiscard]] std::int64_t block_of(Db& db, std::int64_t key);

} // namespace elves::task_records
