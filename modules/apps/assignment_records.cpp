#include "assignment_records.hpp"

namespace elves::assignment_records {

std::vector<Assignment> all(Db& db)
{
    std::vector<Assignment> all;
    auto row =
        db.run("SELECT id, app, version, target, note, set_by, set_from, set_time FROM app_assignment");
    while (row.next()) {
        auto const id = TaskId::parse(row.text(0));
        if (!id) continue;
        all.push_back({*id, std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3)),
            std::string(row.text(4)), std::string(row.text(5)), std::string(row.text(6)), row.instant(7)});
    }
    return all;
}

void put(Db& db, Assignment const& assignment)
{
    auto const id = assignment.id.text();
    db.run("INSERT INTO app_assignment (id, app, version, target, note, set_by, set_from, set_time)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
           " ON CONFLICT (id) DO UPDATE SET app = ?2, version = ?3, target = ?4, note = ?5, set_by = ?6,"
           " set_from = ?7, set_time = ?8")
        .bind(1, id)
        .bind(2, assignment.app)
        .bind(3, assignment.version)
        .bind(4, assignment.target)
        .bind(5, assignment.note)
        .bind(6, assignment.by)
        .bind(7, assignment.from)
        .bind(8, std::int64_t{assignment.time.time_since_epoch().count()})
        .execute();
}

void erase(Db& db, TaskId id)
{
    auto const text = id.text();
    db.run("DELETE FROM app_assignment WHERE id = ?1").bind(1, text).execute();
}

} // namespace elves::assignment_records
