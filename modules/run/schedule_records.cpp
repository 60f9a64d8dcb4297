#include "schedule_records.hpp"

#include <stdexcept>

#include "elves/json_document.hpp"

namespace elves::schedule_records {

namespace {

constexpr std::string_view put_one =
    "REPLACE INTO run_schedule (id, spec, rule, timezone, misfire, overlap, jitter, is_on, set_by, set_from,"
    " create_time, version, settled, owed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
    "?14)";
constexpr std::string_view delete_one = "DELETE FROM run_schedule WHERE id = ?1";
constexpr std::string_view move_mark =
    "UPDATE run_schedule SET settled = ?4, owed = ?5 WHERE id = ?1 AND version = ?2 AND settled = ?3"
    " AND owed IS ?6";
constexpr std::string_view rewind_marks = "UPDATE run_schedule SET settled = ?1 WHERE settled > ?1";
#define ELVES_SCHEDULE                                                                                       \
    "SELECT id, spec, rule, timezone, misfire, overlap, jitter, is_on, set_by, set_from, create_time,"       \
    " version, settled, owed FROM run_schedule "
constexpr std::string_view select_one = ELVES_SCHEDULE "WHERE id = ?1";
constexpr std::string_view select_all = ELVES_SCHEDULE "ORDER BY id";
#undef ELVES_SCHEDULE

std::int64_t ms(Instant at) { return at.time_since_epoch().count(); }
std::optional<std::int64_t> ms(std::optional<Instant> const& at)
{
    return at ? std::optional(ms(*at)) : std::nullopt;
}

template <class T>
T word(std::string_view field, std::string_view text)
{
    return FieldType<T>::read(field, JsonDocument::string(text).root());
}

RunSchedule schedule_of(Run const& row)
{
    auto const id = TaskId::parse(row.text(0));
    if (!id) throw std::runtime_error("a row of the table run_schedule has no legal id");
    RunSchedule schedule(*id, QuartzRule::parse(row.text(2)));
    schedule.spec = RunSpec::read(JsonDocument::parse(row.text(1)).root());
    if (!row.text(3).empty()) schedule.zone = word<Zone>("timezone", row.text(3));
    schedule.misfire = word<Misfire>("misfire", row.text(4));
    schedule.overlap = word<Overlap>("overlap", row.text(5));
    schedule.jitter = {std::chrono::seconds(row.number(6))};
    schedule.on = row.number(7) != 0;
    schedule.by = row.text(8);
    schedule.from = row.text(9);
    schedule.created = row.instant(10);
    schedule.version = row.number(11);
    schedule.settled = row.instant(12);
    if (!row.is_null(13)) schedule.owed = row.instant(13);
    return schedule;
}

} // namespace

void put(Db& db, RunSchedule const& schedule)
{
    auto const id = schedule.id.text();
    auto const spec = json::serialize(schedule.spec.to_json());
    auto const zone = schedule.zone ? schedule.zone->name() : std::string();
    db.run(put_one)
        .bind(1, id)
        .bind(2, spec)
        .bind(3, schedule.rule.text())
        .bind(4, zone)
        .bind(5, misfire_text(schedule.misfire))
        .bind(6, overlap_text(schedule.overlap))
        .bind(7, std::int64_t{schedule.jitter.most.count()})
        .bind(8, std::int64_t{schedule.on})
        .bind(9, schedule.by)
        .bind(10, schedule.from)
        .bind(11, ms(schedule.created))
        .bind(12, schedule.version)
        .bind(13, ms(schedule.settled))
        .bind(14, ms(schedule.owed))
        .execute();
}

bool erase(Db& db, TaskId id)
{
    auto const text = id.text();
    db.run(delete_one).bind(1, text).execute();
    return db.changes() == 1;
}

std::optional<RunSchedule> find(Db& db, TaskId id)
{
    auto const text = id.text();
    auto row = db.run(select_one);
    row.bind(1, text);
    return row.next() ? std::optional(schedule_of(row)) : std::nullopt;
}

std::vector<RunSchedule> all(Db& db)
{
    std::vector<RunSchedule> found;
    auto row = db.run(select_all);
    while (row.next()) found.push_back(schedule_of(row));
    return found;
}

void rewind(Db& db, Instant now) { db.run(rewind_marks).bind(1, ms(now)).execute(); }

bool move(Db& db, TaskId id, Mark const& from, Mark const& to)
{
    auto const text = id.text();
    db.run(move_mark)
        .bind(1, text)
        .bind(2, from.version)
        .bind(3, ms(from.settled))
        .bind(4, ms(to.settled))
        .bind(5, ms(to.owed))
        .bind(6, ms(from.owed))
        .execute();
    return db.changes() == 1;
}

} // namespace elves::schedule_records
