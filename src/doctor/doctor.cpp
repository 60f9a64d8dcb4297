#include "doctor/doctor.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>

#include "elves/error.hpp"
#include "elves/quartz_rule.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/row_move.hpp"
#include "store/sql_function.hpp"
#include "store/sqlite_error.hpp"
#include "store/task_number.hpp"

namespace elves::doctor {

namespace {

constexpr std::size_t most_told = 10;

bool applies(Check const& check, bool is_live)
{
    if (check.kind == Check::Kind::live) return is_live;
    return check.kind != Check::Kind::file || !is_live;
}

std::string text_of(SqlValue const& value)
{
    auto const* const text = std::get_if<std::string>(&value);
    return text ? *text : "";
}

/// The rule's first time after `after`. Throws what is wrong with rule or zone; `own` is the zone of "".
std::optional<Instant> next_time(
    SqlValue const& rule, SqlValue const& zone_name, Zone const& own, Instant after)
{
    auto const name = text_of(zone_name);
    auto const zone = name.empty() ? own : Zone::named(name);
    if (!zone) throw std::runtime_error("no zone " + name + " on this machine");
    return QuartzRule::parse(text_of(rule)).next_after(after, *zone);
}

/// `quartz_next(rule, zone, after)`: UTC, ms; NULL where there is none, or rule or zone is none.
SqlValue quartz_next(std::vector<SqlValue> const& values, Zone const& own)
{
    auto const* const after = std::get_if<std::int64_t>(&values[2]);
    if (!after) return {};
    try {
        auto const next = next_time(values[0], values[1], own, Instant(std::chrono::milliseconds(*after)));
        if (next) return next->time_since_epoch().count();
    } catch (std::exception const&) {
        // quartz_fault says it.
    }
    return {};
}

/// `quartz_fault(rule, zone)`: what is wrong with them, or NULL.
SqlValue quartz_fault(std::vector<SqlValue> const& values, Zone const& own)
{
    try {
        next_time(values[0], values[1], own, Instant());
        return {};
    } catch (std::exception const& problem) {
        return std::string(problem.what());
    }
}

void teach_quartz(Db& db, Zone const& zone)
{
    define_function(db, "quartz_next", 3, [zone](auto const& values) { return quartz_next(values, zone); });
    define_function(db, "quartz_fault", 2, [zone](auto const& values) { return quartz_fault(values, zone); });
}

/// The lines that a check answers, the first of them in full.
struct Lines {
    std::vector<std::string> told;
    std::size_t untold = 0;
};

Lines ask(Db& db, Check const& check, Instant now)
{
    Lines lines;
    auto run = db.run(check.sql);
    if (check.sql.find("?1") != std::string::npos) run.bind(1, now.time_since_epoch().count());
    while (run.next()) {
        if (lines.told.size() < most_told) {
            lines.told.emplace_back(run.text(0));
        } else {
            ++lines.untold;
        }
    }
    return lines;
}

void tell(Diagnosis& diagnosis, Check const& check, std::string what)
{
    if (check.kind == Check::Kind::report) {
        diagnosis.reports.push_back(check.promise + ": " + what);
    } else {
        diagnosis.findings.push_back({check.module + "." + check.name, std::move(what), check.advice});
    }
}

} // namespace

void Diagnosis::add(Diagnosis part)
{
    std::move(part.findings.begin(), part.findings.end(), std::back_inserter(findings));
    std::move(part.reports.begin(), part.reports.end(), std::back_inserter(reports));
    checked += part.checked;
}

Diagnosis examine(Db& db, Check const& check, Circumstances const& with)
{
    Diagnosis diagnosis;
    bool const has_tables = check.module == "store" || module_version(db, check.module) > 0;
    if (!has_tables || !applies(check, with.is_live)) return diagnosis;
    diagnosis.checked = 1;
    try {
        if (check.sql.find("quartz_") != std::string::npos) teach_quartz(db, with.zone);
        if (check.sql.find("task_number(") != std::string::npos) define_task_number(db);
        auto lines = ask(db, check, with.now);
        for (auto& line : lines.told) tell(diagnosis, check, std::move(line));
        if (lines.untold > 0) tell(diagnosis, check, "and " + std::to_string(lines.untold) + " more");
    } catch (Error const& error) {
        if (error.code() != codes::too_much) throw;
        diagnosis.checked = 0;
        diagnosis.reports.push_back(check.module + "." + check.name +
                                    " takes too long for a running server; ask the file: elvesctl doctor "
                                    "--store FILE, on the server's machine");
    } catch (std::exception const& problem) {
        diagnosis.findings.push_back(
            {check.module + "." + check.name, std::string("could not be asked: ") + problem.what(),
                "the file is damaged, or of a newer program; restore a backup, or install that program"});
    }
    return diagnosis;
}

namespace {

/// What is no data file of an elvesd; "" of one that is.
std::string strangeness(Db& db)
{
    switch (content_of(db)) {
    case Content::none:
        return "it has no tables";
    case Content::journal:
        return "it is the journal of an elves-agent";
    case Content::foreign:
        return "it has tables of another program";
    case Content::data:
        break;
    }
    return {};
}

std::optional<Finding> strange_file(std::string const& path, std::string const& why)
{
    return Finding{"store.file", path + " is not a data file of elvesd: " + why,
        "name the file of [store] path, or a backup of it; where this is that file, restore a backup "
        "(elvesctl restore)"};
}

/// Before SQLite opens it.
std::optional<Finding> look_at_head(std::string const& path)
{
    std::array<char, 16> head{};
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt; // opening it says why
    file.read(head.data(), head.size());
    if (file.bad()) return std::nullopt; // a folder, say
    auto const got = static_cast<std::size_t>(file.gcount());
    if (got == 0) return strange_file(path, "it is empty");
    constexpr std::string_view magic("SQLite format 3\0", 16);
    if (std::string_view(head.data(), got) == magic) return std::nullopt;
    return strange_file(path, "it is not a database, or its first page is damaged");
}

std::optional<Finding> look_at_content(Db& db, std::string const& path)
{
    if (auto const why = strangeness(db); !why.empty()) return strange_file(path, why);
    for (auto const& [module, known] : builtin_versions()) {
        auto const present = module_version(db, module);
        if (present <= known) continue;
        return Finding{"store.version",
            path + " is of a newer program: module " + std::string(module) + " has version " +
                std::to_string(present) + " there, this program knows " + std::to_string(known),
            "use the newer program's elvesctl; a server of this version does not start on it"};
    }
    return std::nullopt;
}

/// What a module's checks cannot be asked of: tables of an older form. A server brings them into the newest
/// one when it starts.
bool is_older(Db& db, Diagnosis& diagnosis, std::string_view module, std::int64_t known)
{
    auto const present = module_version(db, module);
    if (present == 0) return false;
    if (pending_move(db, module)) {
        diagnosis.findings.push_back({"store.migration",
            "the tables of module " + std::string(module) +
                " are half in their new form: a server was stopped while it moved them",
            "start the server on this file: it goes on where it was"});
        return true;
    }
    if (present == known) return false;
    diagnosis.reports.push_back("module " + std::string(module) + ": its tables have version " +
                                std::to_string(present) + ", and this program's checks are for version " +
                                std::to_string(known) +
                                "; start the server on this file once, then ask again");
    return true;
}

} // namespace

Diagnosis examine_file(std::string const& path, Circumstances const& with)
{
    Diagnosis diagnosis;
    diagnosis.checked = 1;
    auto finding = look_at_head(path);
    std::unique_ptr<Db> db;
    try {
        if (!finding) db = open_as_it_is(path);
        if (db) finding = look_at_content(*db, path);
    } catch (DamagedFile const& error) {
        finding = Finding{"store.file", path + " is damaged: " + error.what(), DamagedFile::advice};
    }
    if (finding) {
        diagnosis.findings.push_back(std::move(*finding));
        return diagnosis;
    }
    std::set<std::string_view> older;
    for (auto const& [module, known] : builtin_versions()) {
        if (is_older(*db, diagnosis, module, known)) older.insert(module);
    }
    for (auto const& check : builtin_checks()) {
        if (!older.contains(check.module)) diagnosis.add(examine(*db, check, with));
    }
    return diagnosis;
}

json::object to_json(Diagnosis const& diagnosis)
{
    json::array findings;
    for (auto const& finding : diagnosis.findings) {
        findings.push_back(
            json::object{{"check", finding.check}, {"what", finding.what}, {"advice", finding.advice}});
    }
    return {{"findings", std::move(findings)},
        {"reports", json::array(diagnosis.reports.begin(), diagnosis.reports.end())},
        {"checked", std::to_string(diagnosis.checked)}};
}

} // namespace elves::doctor
