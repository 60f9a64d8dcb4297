#include "task_search.hpp"

#include <algorithm>
#include <limits>

#include "elves/answer_budget.hpp"
#include "elves/text_fit.hpp"

namespace elves {

namespace {

/// Of a task in a list, beside its long texts.
constexpr std::size_t short_fields = 1024;

bool is_seen(Key const* key, Task const& task) { return !key || key->may_see(task.agent, task.ins); }

/// Of those that may be large.
std::size_t text_bytes(task_records::Row const& row)
{
    auto const& task = row.task;
    auto const result = task.report ? task.report->result.size() : 0;
    return task.ins.param.size() + task.sync_error.size() + result + row.module.sync_error.size() +
           row.module.processor_message.size();
}

/// The same as JSON, with all that stands beside them.
std::size_t listed_bytes(task_records::Row const& row)
{
    auto const& task = row.task;
    auto const result = task.report ? json_bytes(task.report->result) : 0;
    return short_fields + json_bytes(task.ins.param) + json_bytes(task.sync_error) + result +
           json_bytes(row.module.sync_error) + json_bytes(row.module.processor_message);
}

/// Takes tasks, newest first, until its page is full.
class Page {
public:
    Page(std::int64_t limit, Key const* key, PageBounds const& bounds)
        : limit_(static_cast<std::size_t>(limit)), key_(key), bounds_(bounds)
    {
    }
    /// False where that one is for the next page.
    bool take(task_records::Row row)
    {
        if (looked_at_ == bounds_.looked_at) {
            page_.next = last_;
            return false;
        }
        ++looked_at_;
        last_ = row.key;
        if (!is_seen(key_, row.task)) return true;
        auto const texts = text_bytes(row);
        auto const bytes = listed_bytes(row);
        if (!has_room(texts, bytes)) {
            page_.next = page_.rows.back().key;
            return false;
        }
        texts_ += texts;
        bytes_ += bytes;
        page_.rows.push_back(std::move(row));
        return true;
    }
    [[nodiscard]] TaskPage& page() noexcept { return page_; }

private:
    /// There is for one, however large.
    [[nodiscard]] bool has_room(std::size_t texts, std::size_t bytes) const
    {
        return page_.rows.empty() || (page_.rows.size() < limit_ && texts_ + texts <= bounds_.texts &&
                                         bytes_ + bytes <= bounds_.bytes);
    }

    std::size_t limit_;
    Key const* key_;
    PageBounds bounds_;
    std::int64_t looked_at_ = 0;
    std::int64_t last_ = 0; ///< The key of the last one looked at.
    std::size_t texts_ = 0;
    std::size_t bytes_ = 0;
    TaskPage page_;
};

} // namespace

TaskPage search_tasks(
    Db& db, task_records::Filter filter, std::int64_t limit, Key const* key, PageBounds const& bounds)
{
    auto const [oldest, newest] = task_records::keys(db);
    // Those of a cron job are found by an index; of an agent block by block; all else row by row.
    if (!filter.cron_id) {
        auto const behind = newest == std::numeric_limits<std::int64_t>::max() ? newest : newest + 1;
        auto const end = std::clamp(filter.before_key.value_or(behind), oldest, behind);
        filter.from_key =
            task_records::key_before(db, end, filter.agent ? bounds.agent_span : bounds.looked_at);
    }
    Page taken(limit, key, bounds);
    // One more: it tells whether there is a next page.
    task_records::list(
        db, filter, bounds.looked_at + 1, [&](task_records::Row row) { return taken.take(std::move(row)); });
    auto page = std::move(taken.page());
    if (!page.next && filter.from_key && *filter.from_key > oldest) page.next = filter.from_key;
    return page;
}

TasksById find_tasks(Db& db, std::vector<TaskId> const& ids, Key const* key)
{
    TasksById tasks;
    AnswerBudget budget;
    for (auto const id : ids) {
        auto const [at, is_new] = tasks.try_emplace(id);
        auto& found = at->second;
        if (is_new) {
            found.row = task_records::find_listed(db, id);
            found.is_there = found.row.has_value();
            if (found.row && !is_seen(key, found.row->task)) found.row.reset();
        }
        // One that is asked for twice is in the answer twice.
        if (found.row) budget.take(text_bytes(*found.row));
    }
    return tasks;
}

} // namespace elves
