// What is owed to the processors of apps, and what became of it.
#include "task_columns.hpp"

namespace elves::task_records {

namespace {

constexpr auto insert_delivery = "INSERT OR IGNORE INTO deliveries (id, since) VALUES (?,?)";
constexpr auto delete_delivery = "DELETE FROM deliveries WHERE id=?";
constexpr auto select_deliveries = "SELECT id, since FROM deliveries ORDER BY since";
constexpr auto select_delivery = "SELECT 1 FROM deliveries WHERE id=?";
constexpr auto select_app = "SELECT app FROM task_requests WHERE key=?";
constexpr auto put_try =
    "INSERT INTO task_processing (key, sync_flag, sync_error, sync_costtime, first_time, last_time, tries) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1) ON CONFLICT (key) DO UPDATE SET sync_flag=?2, sync_error=?3, "
    "sync_costtime=?4, first_time=coalesce(first_time, ?5), last_time=?5, tries=tries+1";
constexpr auto put_answer =
    "INSERT INTO task_processing (key, callback_time, message, costtime) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (key) DO UPDATE SET callback_time=?2, message=?3, costtime=?4";

std::optional<std::int64_t> flag_of(std::string_view text)
{
    if (text.empty()) return std::nullopt;
    return text == "true" ? 1 : 0;
}

} // namespace

void queue_delivery(Db& db, TaskId id, Instant now)
{
    auto const text = id.text();
    auto run = db.run(insert_delivery);
    run.bind(1, std::string_view(text)).bind(2, ms(now)).execute();
}

void drop_delivery(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(delete_delivery);
    run.bind(1, std::string_view(text)).execute();
}

bool owes_delivery(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(select_delivery);
    return run.bind(1, std::string_view(text)).next();
}

std::vector<Delivery> deliveries(Db& db)
{
    std::vector<Delivery> all;
    for (auto run = db.run(select_deliveries); run.next();) {
        Delivery delivery{known(TaskId::parse(run.text(0)), "id"), run.instant(1), {}};
        auto const key = find_key(db, delivery.id);
        if (!key) continue; // Its task was pruned, or never was: `elvesctl doctor` says so.
        auto app = db.run(select_app);
        if (!app.bind(1, *key).next()) continue;
        delivery.app = app.text(0);
        all.push_back(std::move(delivery));
    }
    return all;
}

void put_delivered(Db& db, TaskId id, ModuleLog const& log)
{
    auto const key = find_key(db, id);
    if (!key) return;
    auto run = db.run(put_try);
    Binder(run)
        .number(*key)
        .maybe(flag_of(log.sync_flag))
        .maybe(unless_empty(log.sync_error))
        .maybe(log.sync_costtime)
        .maybe(ms(log.last_try));
    run.execute();
}

void put_processed(Db& db, TaskId id, ModuleLog const& log)
{
    auto const key = find_key(db, id);
    if (!key) return;
    auto run = db.run(put_answer);
    Binder(run)
        .number(*key)
        .maybe(ms(log.callback_time))
        .maybe(unless_empty(log.processor_message))
        .maybe(log.processor_costtime);
    run.execute();
}

} // namespace elves::task_records
