#include "task_search.hpp"

#include <algorithm>

namespace elves {

namespace {

bool is_seen(Key const* key, Task const& task) { return !key || key->may_see(task.agent, task.ins); }

} // namespace

TaskPage search_tasks(
    Db& db, task_records::Filter filter, std::int64_t limit, Key const* key, std::int64_t most_looked_at)
{
    auto const [oldest, newest] = task_records::seqs(db);
    // Those of an agent or a cron job are found by an index; all else row by row.
    if (!filter.agent && !filter.cron_id) {
        auto const end = std::clamp(filter.before_seq.value_or(newest + 1), oldest, newest + 1);
        filter.from_seq = std::max(oldest, end - most_looked_at);
    }
    TaskPage page;
    for (std::int64_t looked_at = 0; looked_at < most_looked_at;) {
        auto found = task_records::list(db, filter, limit + 1);
        for (auto& row : found) {
            if (!is_seen(key, row.task)) continue;
            if (page.rows.size() == static_cast<std::size_t>(limit)) {
                page.next = page.rows.back().seq;
                return page;
            }
            page.rows.push_back(std::move(row));
        }
        if (found.size() <= static_cast<std::size_t>(limit)) {
            if (filter.from_seq && *filter.from_seq > oldest) page.next = filter.from_seq;
            return page;
        }
        looked_at += static_cast<std::int64_t>(found.size());
        filter.before_seq = found.back().seq;
    }
    page.next = filter.before_seq;
    return page;
}

} // namespace elves
