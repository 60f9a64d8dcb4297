#include "task_blocks.hpp"

#include <algorithm>

#include "task_columns.hpp"

namespace elves::task_records {

namespace {

/// Tasks of the newest blocks are not in the list of open tasks: most of them end within that many others.
constexpr std::int64_t blocks_before_listed = 16;

constexpr auto select_newest_block = "SELECT block, first FROM task_blocks ORDER BY block DESC LIMIT 1";
constexpr auto count_block = "SELECT count(*) FROM task_requests WHERE block = ?1";
constexpr auto select_newest_key = "SELECT max(key) FROM task_requests";
constexpr auto select_open_since = "SELECT key FROM open_since";
constexpr auto insert_block = "INSERT INTO task_blocks (block, first) VALUES (?1, ?2)";
constexpr auto select_block_of =
    "SELECT block FROM task_blocks WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
constexpr auto select_oldest_block = "SELECT min(block) FROM task_blocks";
constexpr auto extend_oldest_block = "UPDATE task_blocks SET first = min(first, ?2) WHERE block = ?1";
constexpr auto select_first_listed = "SELECT max(first) FROM task_blocks WHERE block <= ?1";
constexpr auto list_open = "INSERT OR IGNORE INTO open_before SELECT r.key FROM task_requests AS r "
                           "LEFT JOIN task_outcomes AS o ON o.key = r.key "
                           "WHERE r.key >= ?1 AND r.key < ?2 AND " TASK_IS_OPEN;
constexpr auto update_open_since = "UPDATE open_since SET key = ?1";
constexpr auto insert_open_before = "INSERT OR IGNORE INTO open_before (key) VALUES (?1)";
constexpr auto delete_open_before = "DELETE FROM open_before WHERE key = ?1";

std::optional<std::int64_t> number(Run run)
{
    if (!run.next() || run.is_null(0)) return std::nullopt;
    return run.number(0);
}

} // namespace

std::int64_t block_of(Db& db, std::int64_t key)
{
    auto run = db.run(select_block_of);
    run.bind(1, key);
    if (run.next()) return run.number(0);
    return number(db.run(select_oldest_block)).value_or(0);
}

std::int64_t TaskBlocks::block_of_new(Db& db, std::int64_t key)
{
    load(db);
    if (state_.has_block && key < state_.first) {
        auto const block = block_of(db, key);
        db.run(extend_oldest_block).bind(1, block).bind(2, key).execute();
        if (block == state_.block) {
            state_.first = key;
            ++state_.count;
        }
        return block;
    }
    bool const is_full = state_.count >= tasks_a_block && key > state_.newest;
    if (!state_.has_block) {
        begin_block(db, 0, key);
    } else if (is_full) {
        begin_block(db, state_.block + 1, key);
    }
    ++state_.count;
    state_.newest = std::max(state_.newest, key);
    return state_.block;
}

void TaskBlocks::set_open(Db& db, std::int64_t key, bool is_open)
{
    load(db);
    if (key >= state_.open_since) return;
    db.run(is_open ? insert_open_before : delete_open_before).bind(1, key).execute();
}

void TaskBlocks::load(Db& db)
{
    if (state_.is_known) return;
    State state;
    {
        auto run = db.run(select_newest_block);
        state.has_block = run.next();
        if (state.has_block) {
            state.block = run.number(0);
            state.first = run.number(1);
        }
    }
    {
        auto run = db.run(count_block);
        run.bind(1, state.block);
        if (state.has_block && run.next()) state.count = run.number(0);
    }
    state.newest = number(db.run(select_newest_key)).value_or(state.first);
    state.open_since = number(db.run(select_open_since)).value_or(0);
    state.is_known = true;
    state_ = state;
}

void TaskBlocks::begin_block(Db& db, std::int64_t block, std::int64_t first)
{
    db.run(insert_block).bind(1, block).bind(2, first).execute();
    state_.has_block = true;
    state_.block = block;
    state_.first = first;
    state_.newest = first;
    state_.count = 0;
    advance_open_since(db);
}

/// Tasks that are still open when their block falls behind go to the list.
void TaskBlocks::advance_open_since(Db& db)
{
    std::optional<std::int64_t> next;
    {
        auto run = db.run(select_first_listed);
        run.bind(1, state_.block - blocks_before_listed);
        if (run.next() && !run.is_null(0)) next = run.number(0);
    }
    if (!next || *next <= state_.open_since) return;
    db.run(list_open).bind(1, state_.open_since).bind(2, *next).execute();
    db.run(update_open_since).bind(1, *next).execute();
    state_.open_since = *next;
}

} // namespace elves::task_records
