#include "gate_records.hpp"

#include <stdexcept>

#include "elves/json_document.hpp"

namespace elves::gate_records {

namespace {

constexpr std::string_view put_window =
    "REPLACE INTO start_window (name, target, apps, rule, lasts, from_at, to_at, timezone, note, set_by, "
    "set_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
constexpr std::string_view put_cap =
    "REPLACE INTO start_cap (name, target, apps, most, per, set_by, set_time)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
constexpr std::string_view delete_window = "DELETE FROM start_window WHERE name = ?1";
constexpr std::string_view delete_cap = "DELETE FROM start_cap WHERE name = ?1";
constexpr std::string_view select_windows =
    "SELECT name, target, apps, rule, lasts, from_at, to_at, timezone, note, set_by, set_time"
    " FROM start_window ORDER BY name";
constexpr std::string_view select_caps =
    "SELECT name, target, apps, most, per, set_by, set_time FROM start_cap ORDER BY name";

std::string text_of(AppGlobs const& apps)
{
    return json::serialize(json::array(apps.entries.begin(), apps.entries.end()));
}

AppGlobs apps_of(std::string_view text)
{
    return FieldType<AppGlobs>::read("apps", JsonDocument::parse(text).root());
}

Zone zone_of(std::string_view name)
{
    auto const zone = Zone::named(name);
    if (!zone) throw std::runtime_error("this machine does not know the time zone " + std::string(name));
    return *zone;
}

} // namespace

void put(Db& db, StartWindow const& window)
{
    auto const apps = text_of(window.apps);
    auto const zone = window.zone ? window.zone->name() : std::string();
    auto const rule = window.rule ? window.rule->text() : std::string();
    db.run(put_window)
        .bind(1, window.name)
        .bind(2, window.target)
        .bind(3, apps)
        .bind(4, rule)
        .bind(5, std::int64_t{window.lasts.count()})
        .bind(6, window.from)
        .bind(7, window.to)
        .bind(8, zone)
        .bind(9, window.note)
        .bind(10, window.by)
        .bind(11, window.set_at.time_since_epoch().count())
        .execute();
}

void put(Db& db, StartCap const& cap)
{
    auto const apps = text_of(cap.apps);
    db.run(put_cap)
        .bind(1, cap.name)
        .bind(2, cap.target)
        .bind(3, apps)
        .bind(4, static_cast<std::int64_t>(cap.most))
        .bind(5, cap.per)
        .bind(6, cap.by)
        .bind(7, cap.set_at.time_since_epoch().count())
        .execute();
}

bool erase_window(Db& db, std::string const& name)
{
    db.run(delete_window).bind(1, name).execute();
    return db.changes() == 1;
}

bool erase_cap(Db& db, std::string const& name)
{
    db.run(delete_cap).bind(1, name).execute();
    return db.changes() == 1;
}

std::vector<StartWindow> windows(Db& db)
{
    std::vector<StartWindow> all;
    auto row = db.run(select_windows);
    while (row.next()) {
        StartWindow window{std::string(row.text(0)), std::string(row.text(1)), apps_of(row.text(2))};
        if (!row.text(3).empty()) window.rule = QuartzRule::parse(row.text(3));
        window.lasts = std::chrono::seconds(row.number(4));
        window.from = row.text(5);
        window.to = row.text(6);
        if (!row.text(7).empty()) window.zone = zone_of(row.text(7));
        window.note = row.text(8);
        window.by = row.text(9);
        window.set_at = row.instant(10);
        all.push_back(std::move(window));
    }
    return all;
}

std::vector<StartCap> caps(Db& db)
{
    std::vector<StartCap> all;
    auto row = db.run(select_caps);
    while (row.next()) {
        all.push_back({std::string(row.text(0)), std::string(row.text(1)), apps_of(row.text(2)),
            static_cast<std::size_t>(row.number(3)), std::string(row.text(4)), std::string(row.text(5)),
            row.instant(6)});
    }
    return all;
}

} // namespace elves::gate_records
