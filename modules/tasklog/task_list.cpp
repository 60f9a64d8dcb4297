// Lists of tasks: by any filter, newest first, and how far such a list may look.
#include <algorithm>
#include <variant>

#include "task_blocks.hpp"
#include "task_columns.hpp"

namespace elves::task_records {

namespace {

// Two questions: asked for both in one, SQLite would read all rows.
constexpr auto select_keys = "SELECT coalesce((SELECT min(key) FROM task_requests), 0), "
                             "coalesce((SELECT max(key) FROM task_requests), 0)";
constexpr auto select_newest_key = "SELECT max(coalesce((SELECT max(key) FROM task_requests), 0), "
                                   "coalesce((SELECT max(first) FROM task_blocks), 0))";
constexpr auto select_block_start = "SELECT first FROM task_blocks WHERE block >= ?1 ORDER BY block LIMIT 1";
constexpr auto select_key_before =
    "SELECT key FROM task_requests WHERE key < ?1 ORDER BY key DESC LIMIT 1 OFFSET ?2";

/// The SQL of a list, and its parameters. A text for each set of filters that is used, so that each finds its
/// index.
class ListQuery {
public:
    /// `by_block`: of `filter.agent` in the block that `run` is given.
    ListQuery(Filter const& filter, bool by_block)
    {
        if (by_block) add(" AND r.block=?", std::int64_t{});
        if (filter.agent) add(" AND r.agent=?", filter.agent->text());
        if (filter.app) add(" AND r.app=?", *filter.app);
        if (filter.func) add(" AND r.func=?", *filter.func);
        if (filter.type) add(" AND r.type=?", static_cast<std::int64_t>(*filter.type));
        if (filter.cron_id) add(" AND r.cron_id=?", number_of(*filter.cron_id));
        if (filter.status) add(" AND " TASK_STATUS "=?", static_cast<std::int64_t>(*filter.status));
        if (filter.by) add(" AND coalesce(r.asked_by, '')=?", *filter.by);
        if (filter.since) add(" AND r.start_time>=?", ms(*filter.since));
        if (filter.until) add(" AND r.start_time<=?", ms(*filter.until));
        if (filter.from_key) add(" AND r.key>=?", *filter.from_key);
        if (filter.before_key) add(" AND r.key<?", *filter.before_key);
        sql_ += " ORDER BY r.key DESC LIMIT ?";
    }

    /// Gives up to `limit` rows to `take`, until that says false. How many it gave; nothing where that said
    /// so.
    std::optional<std::int64_t> run(Db& db, std::optional<std::int64_t> block, std::int64_t limit,
        std::function<bool(Row)> const& take) const
    {
        auto run = db.run(sql_);
        int index = 0;
        for (auto const& parameter : parameters_)
            std::visit([&](auto const& value) { bind(run, ++index, value); }, parameter);
        if (block) run.bind(1, *block);
        run.bind(index + 1, limit);
        std::int64_t count = 0;
        while (run.next()) {
            ++count;
            if (!take(read_row(run))) return std::nullopt;
        }
        return count;
    }

private:
    using Parameter = std::variant<std::int64_t, std::string>;

    static void bind(Run& run, int index, std::int64_t number) { run.bind(index, number); }
    static void bind(Run& run, int index, std::string const& text)
    {
        run.bind(index, std::string_view(text));
    }
    void add(char const* condition, Parameter parameter)
    {
        sql_ += condition;
        parameters_.push_back(std::move(parameter));
    }

    std::string sql_ = "SELECT " LISTED_COLUMNS TASK_TABLES "WHERE 1";
    std::vector<Parameter> parameters_;
};

} // namespace

Keys keys(Db& db)
{
    auto run = db.run(select_keys);
    if (!run.next()) return {};
    return {run.number(0), run.number(1)};
}

std::int64_t newest_key(Db& db)
{
    auto run = db.run(select_newest_key);
    return run.next() ? run.number(0) : 0;
}

std::int64_t key_before(Db& db, std::int64_t end, std::int64_t count)
{
    auto const oldest = keys(db).oldest;
    if (end <= oldest || count < 1) return oldest;
    auto from = end;
    if (count >= TaskBlocks::tasks_a_block) {
        auto run = db.run(select_block_start);
        run.bind(1, block_of(db, end - 1) - count / TaskBlocks::tasks_a_block + 1);
        if (run.next()) from = std::min(from, run.number(0));
        count %= TaskBlocks::tasks_a_block;
    }
    if (count == 0) return std::max(from, oldest);
    auto run = db.run(select_key_before);
    run.bind(1, from).bind(2, count - 1);
    return run.next() ? run.number(0) : oldest;
}

void list(Db& db, Filter const& filter, std::int64_t limit, std::function<bool(Row)> const& take)
{
    bool const by_block = filter.agent && !filter.cron_id;
    ListQuery const query(filter, by_block);
    if (!by_block) {
        static_cast<void>(query.run(db, std::nullopt, limit, take));
        return;
    }
    auto const [oldest, newest] = keys(db);
    auto const first = block_of(db, std::max(filter.from_key.value_or(oldest), oldest));
    auto const last = block_of(db, std::min(filter.before_key.value_or(newest), newest));
    for (auto block = last; block >= first && limit > 0; --block) {
        auto const count = query.run(db, block, limit, take);
        if (!count) return;
        limit -= *count;
    }
}

} // namespace elves::task_records
