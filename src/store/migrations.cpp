#include "store/migrations.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>

#include <sqlite3.h>

#include "elves/log.hpp"
#include "store/backup.hpp"
#include "store/row_move.hpp"
#include "store/task_number.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

constexpr std::string_view mark = "-- migration ";

std::runtime_error broken(std::string_view module, std::string const& why)
{
    return std::runtime_error("module " + std::string(module) + ": schema.sql: " + why);
}

/// The number of `-- migration N: title`, 0 where the line isn't so.
std::size_t number_of(std::string_view line)
{
    line.remove_prefix(mark.size());
    std::size_t number = 0;
    auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    bool const titled = error == std::errc() && end != line.data() + line.size() && *end == ':';
    return titled ? number : 0;
}

bool is_blank_or_comment(std::string_view line)
{
    auto const first = line.find_first_not_of(" \t\r");
    return first == std::string_view::npos || line.substr(first).starts_with("--");
}

/// What one module's tables lack.
struct Step {
    std::string module;
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::vector<MigrationPart> parts;
};

void log_progress(Step const& step, std::chrono::steady_clock::time_point begun, std::string const& rest)
{
    auto const passed =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun);
    ELVES_LOG(info, "store.migrating module=" << step.module << " from=" << step.from << " to=" << step.to
                                              << " seconds=" << passed.count() << rest);
}

/// Logs from time to time that a step is still running: of a large file it may take minutes.
class ProgressLog {
public:
    ProgressLog(Db& db, Step const& step, std::chrono::milliseconds between_lines)
        : db_(db), step_(step), between_lines_(between_lines)
    {
        note_ = ": a server that is stopped now begins this step again";
        constexpr int instructions_between_looks = 100'000; // some ms
        sqlite3_progress_handler(
            db_.handle(), instructions_between_looks,
            [](void* self) {
                static_cast<ProgressLog*>(self)->look();
                return 0;
            },
            this);
    }
    ProgressLog(ProgressLog const&) = delete;
    ProgressLog& operator=(ProgressLog const&) = delete;
    ~ProgressLog() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); }
    void set(MoveProgress const& progress)
    {
        note_ = " rows=" + std::to_string(progress.rows) + " of=" + std::to_string(progress.all) +
                ": a server that is stopped now goes on from here at its next start";
        look();
    }

private:
    using Clock = std::chrono::steady_clock;

    void look() noexcept
    try {
        auto const now = Clock::now();
        if (now < next_) return;
        next_ = now + between_lines_;
        log_progress(step_, begun_, note_);
    } catch (...) {
        // What cannot be logged must not stop it.
    }

    Db& db_;
    Step const& step_;
    std::chrono::milliseconds between_lines_;
    Clock::time_point begun_ = Clock::now();
    Clock::time_point next_ = begun_ + between_lines_;
    std::string note_; ///< What follows in a line.
};

bool has_rows(Db& db, std::string_view sql) { return db.run(sql).next(); }

/// What an agent's journal calls its tables. A server has no module of that name.
constexpr std::string_view journal = "agent";

bool has_journal(std::vector<Schema> const& schemas)
{
    return std::any_of(
        schemas.begin(), schemas.end(), [](Schema const& schema) { return schema.module == journal; });
}

/// Before anything is changed in it: another program's file is not to get our tables.
void require_own_tables(Db& db, std::vector<Schema> const& schemas)
{
    auto const whose = content_of(db);
    bool const wants_journal = has_journal(schemas);
    if (whose == Content::foreign)
        throw std::runtime_error(
            "the data file is not one of this program: it has tables of another program; name another file");
    if (whose == Content::journal && !wants_journal)
        throw std::runtime_error("the data file is the journal of an elves-agent; name another file");
    if (whose == Content::data && wants_journal)
        throw std::runtime_error("the journal is the data file of an elvesd; name another file");
}

/// For each module that lacks something. Looks at all of them before anything is changed: a file is either
/// brought up to date, or left as it is.
std::vector<Step> steps_for(Db& db, std::vector<Schema> const& schemas)
{
    require_own_tables(db, schemas);
    std::vector<Step> steps;
    for (auto const& [module, sql] : schemas) {
        auto parts = migration_parts(module, sql);
        auto const known = static_cast<std::int64_t>(parts.size());
        auto const present = module_version(db, module);
        if (present > known) {
            throw std::runtime_error("the data file is of a newer program: module " + module +
                                     " has version " + std::to_string(present) +
                                     " there, this program knows " + std::to_string(known) +
                                     "; install the newer program, or restore a backup");
        }
        if (present == known) continue;
        Step step{module, present, known, {}};
        for (auto at = static_cast<std::size_t>(present); at < parts.size(); ++at)
            step.parts.push_back(split_part(parts[at]));
        steps.push_back(std::move(step));
    }
    return steps;
}

/// Applies the parts of a step, up to one whose rows are moved afterwards. Returns the version then.
std::int64_t apply(Db& db, Step const& step)
{
    auto version = step.from;
    for (auto const& part : step.parts) {
        db.script(part.sql);
        ++version;
        if (!part.move) continue;
        begin_move(db, step.module, version, *part.move, free_bytes(db));
        if (pending_move(db, step.module)) break;
    }
    db.run("INSERT INTO module_version (module, version) VALUES (?1, ?2)"
           " ON CONFLICT (module) DO UPDATE SET version = excluded.version")
        .bind(1, step.module)
        .bind(2, version)
        .execute();
    return version;
}

void apply_all(Db& db, std::vector<Step> steps, std::chrono::milliseconds between_lines)
{
    Transaction transaction(db);
    db.script("CREATE TABLE IF NOT EXISTS module_version"
              " (module TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID");
    for (auto& step : steps) {
        ProgressLog const progress(db, step, between_lines);
        step.to = apply(db, step);
    }
    transaction.commit();
    for (auto const& step : steps) {
        ELVES_LOG(info,
            "store: module " << step.module << " migrated from version " << step.from << " to " << step.to);
    }
}

/// Moves the rows of old tables, also what is left of a move that was stopped.
void move_rows(Db& db, std::vector<Schema> const& schemas, std::chrono::milliseconds between_lines)
{
    for (auto const& [module, sql] : schemas) {
        auto const pending = pending_move(db, module);
        if (!pending) continue;
        auto const part =
            split_part(migration_parts(module, sql).at(static_cast<std::size_t>(pending->version - 1)));
        if (!part.move)
            throw broken(module, "migration " + std::to_string(pending->version) + " moves no rows");
        Step const step{module, pending->version - 1, pending->version, {}};
        ProgressLog progress(db, step, between_lines);
        run_move(db, module, *part.move, [&](MoveProgress const& moved) { progress.set(moved); });
        ELVES_LOG(info, "store.migrated module=" << module << " version=" << pending->version
                                                 << ": all rows are in its new tables");
    }
}

/// Tables that an older program uses are about to change. An upgrade that goes on has made its copy before;
/// an agent's journal needs none.
bool begins_upgrade(Db& db, std::vector<Schema> const& schemas, std::vector<Step> const& steps)
{
    bool const goes_on = std::any_of(schemas.begin(), schemas.end(),
        [&](Schema const& schema) { return pending_move(db, schema.module).has_value(); });
    if (goes_on || has_journal(schemas)) return false;
    return std::any_of(steps.begin(), steps.end(), [](Step const& step) { return step.from > 0; });
}

} // namespace

std::vector<std::string> migration_parts(std::string_view module, std::string_view schema)
{
    std::vector<std::string> parts;
    while (!schema.empty()) {
        auto const line = schema.substr(0, schema.find('\n'));
        schema.remove_prefix(std::min(line.size() + 1, schema.size()));
        if (line.starts_with(mark)) {
            parts.emplace_back();
            if (number_of(line) != parts.size()) {
                throw broken(module, "\"" + std::string(line) + "\" should be `-- migration " +
                                         std::to_string(parts.size()) + ": title`");
            }
        } else if (!parts.empty()) {
            parts.back().append(line).append("\n");
        } else if (!is_blank_or_comment(line)) {
            throw broken(module, "SQL stands before the line `-- migration 1: title`");
        }
    }
    return parts;
}

std::int64_t module_version(Db& db, std::string_view module)
{
    auto table = db.run("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'module_version'");
    if (!table.next()) return 0;
    auto row = db.run("SELECT version FROM module_version WHERE module = ?");
    return row.bind(1, module).next() ? row.number(0) : 0;
}

Content content_of(Db& db)
{
    if (!has_rows(db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'module_version'"))
        return has_rows(db, "SELECT 1 FROM sqlite_schema LIMIT 1") ? Content::foreign : Content::none;
    if (module_version(db, journal) > 0) return Content::journal;
    return has_rows(db, "SELECT 1 FROM module_version LIMIT 1") ? Content::data : Content::none;
}

void require_migratable(Db& db, std::vector<Schema> const& schemas)
{
    static_cast<void>(steps_for(db, schemas));
}

void migrate(Db& db, std::vector<Schema> const& schemas) { migrate(db, schemas, std::chrono::seconds(10)); }

void migrate(Db& db, std::vector<Schema> const& schemas, std::chrono::milliseconds between_lines)
{
    auto steps = steps_for(db, schemas);
    if (begins_upgrade(db, schemas, steps)) copy_before_upgrade(db);
    define_task_number(db);
    move_rows(db, schemas, between_lines);
    while (!steps.empty()) {
        apply_all(db, std::move(steps), between_lines);
        move_rows(db, schemas, between_lines);
        steps = steps_for(db, schemas);
    }
}

} // namespace elves
