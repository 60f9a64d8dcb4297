#include "package_records.hpp"

#include "elves/deployment.hpp"

namespace elves::package_records {

std::vector<AppVersion> versions(Db& db)
{
    std::vector<AppVersion> all;
    auto row = db.run("SELECT app, version, sha256, size, signature, pushed_by, pushed_time, package"
                      " FROM app_version JOIN app_package ON app_package.id = app_version.package");
    while (row.next())
        all.push_back(
            {std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)), row.number(3),
                std::string(row.text(4)), std::string(row.text(5)), row.instant(6), row.number(7)});
    return all;
}

std::vector<PackageRow> packages(Db& db)
{
    std::vector<PackageRow> all;
    auto row = db.run("SELECT id, sha256, size, complete FROM app_package");
    while (row.next())
        all.push_back({row.number(0), std::string(row.text(1)), row.number(2), row.number(3) != 0});
    return all;
}

void insert_package(Db& db, std::int64_t id, std::string_view sha256, std::int64_t size)
{
    db.run("INSERT INTO app_package (id, sha256, size, complete) VALUES (?1, ?2, ?3, 0)")
        .bind(1, id)
        .bind(2, sha256)
        .bind(3, size)
        .execute();
}

void insert_piece(Db& db, std::int64_t package, std::int64_t place, std::string_view bytes)
{
    db.run("INSERT INTO app_piece (package, place, bytes) VALUES (?1, ?2, ?3)")
        .bind(1, package)
        .bind(2, place)
        .bind_blob(3, bytes)
        .execute();
}

void set_complete(Db& db, std::int64_t package, bool is_complete)
{
    db.run("UPDATE app_package SET complete = ?2 WHERE id = ?1")
        .bind(1, package)
        .bind(2, std::int64_t{is_complete ? 1 : 0})
        .execute();
}

void insert_version(Db& db, AppVersion const& version)
{
    db.run("INSERT INTO app_version (app, version, package, signature, pushed_by, pushed_time)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(1, version.app)
        .bind(2, version.version)
        .bind(3, version.package)
        .bind(4, version.signature)
        .bind(5, version.by)
        .bind(6, std::int64_t{version.time.time_since_epoch().count()})
        .execute();
}

void erase_version(Db& db, std::string_view app, std::string_view version)
{
    db.run("DELETE FROM app_version WHERE app = ?1 AND version = ?2").bind(1, app).bind(2, version).execute();
}

bool erase_pieces(Db& db, std::int64_t package, std::int64_t most)
{
    db.run("DELETE FROM app_piece WHERE package = ?1 AND place IN"
           " (SELECT place FROM app_piece WHERE package = ?1 ORDER BY place LIMIT ?2)"
           " AND EXISTS (SELECT 1 FROM app_package WHERE id = ?1 AND complete = 0)")
        .bind(1, package)
        .bind(2, most)
        .execute();
    if (db.changes() == most) return false;
    db.run("DELETE FROM app_package WHERE id = ?1 AND complete = 0").bind(1, package).execute();
    return true;
}

std::string read(Db& db, std::int64_t package, std::int64_t place, std::int64_t most)
{
    constexpr auto longest = static_cast<std::int64_t>(package_piece_bytes);
    std::string bytes;
    auto row = db.run("SELECT place, bytes FROM app_piece WHERE package = ?1 AND place > ?2 AND place < ?3"
                      " ORDER BY place");
    row.bind(1, package).bind(2, place - longest).bind(3, place + most);
    while (row.next()) {
        auto piece = row.blob(1);
        auto const at = place + static_cast<std::int64_t>(bytes.size()) - row.number(0);
        // A gap, or a piece that ends before what is asked for.
        if (at < 0) break;
        if (at >= static_cast<std::int64_t>(piece.size())) continue;
        piece.remove_prefix(static_cast<std::size_t>(at));
        bytes.append(piece.substr(0, static_cast<std::size_t>(most) - bytes.size()));
    }
    return bytes;
}

} // namespace elves::package_records
