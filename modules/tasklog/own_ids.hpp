#pragma once

#include <cstdint>

#include "elves/sql.hpp"

namespace elves::task_records {

/// Ids of tasks that agents made, and not this server. New tasks' ids grow, so it is enough to know the next
/// one of an agent's: most inserts ask nothing of the file. On the store's thread.
class OwnIds final : public TransactionPart {
public:
    /// Whether an agent made `id` for a task that is recorded.
    [[nodiscard]] bool has(Db& db, std::int64_t id);
    /// `id` is of an agent, and is recorded in this transaction.
    void add(std::int64_t id) noexcept;

    void before_commit(Db&) override {}
    void on_rollback() noexcept override { forget(); }

private:
    void forget() noexcept;

    // There is none from `from_` on that is smaller than `next_`. Nothing is known where both are the same.
    std::int64_t from_ = 0;
    std::int64_t next_ = 0;
};

} // namespace elves::task_records
