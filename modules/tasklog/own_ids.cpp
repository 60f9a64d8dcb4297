#include "own_ids.hpp"

#include <limits>

namespace elves::task_records {

namespace {

constexpr auto select_next = "SELECT own_id FROM task_requests WHERE own_id >= ?1 ORDER BY own_id LIMIT 1";

} // namespace

bool OwnIds::has(Db& db, std::int64_t id)
{
    if (id >= from_ && id < next_) return false;
    forget();
    auto run = db.run(select_next);
    run.bind(1, id);
    auto const next = run.next() ? run.number(0) : std::numeric_limits<std::int64_t>::max();
    from_ = id;
    next_ = next;
    return next == id;
}

void OwnIds::add(std::int64_t id) noexcept
{
    if (id >= from_ && id < next_) next_ = id;
}

void OwnIds::forget() noexcept
{
    from_ = 0;
    next_ = 0;
}

} // namespace elves::task_records
