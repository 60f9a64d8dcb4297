#include "store/sqlite_error.hpp"

#include <stdexcept>
#include <string>

#include <sqlite3.h>

#include "elves/log.hpp"

namespace elves {

namespace {

constexpr int primary(int code) { return code & 0xff; }

/// What the caller reads; null where the disk is not to blame.
char const* refusal(int code)
{
    switch (primary(code)) {
    case SQLITE_FULL:
        return "disk full";
    case SQLITE_IOERR:
        return "input/output error";
    case SQLITE_READONLY:
        return "the file is read-only";
    case SQLITE_CANTOPEN:
        return "the file cannot be opened";
    case SQLITE_NOLFS:
        return "the file has become too large for its file system";
    // Another program (a backup, a shell) has held the file for longer than busy_timeout.
    case SQLITE_BUSY:
        return "another program holds the file";
    default:
        return nullptr;
    }
}

/// SQLite's own words where they can name tables and columns only; elsewhere they might quote a value.
std::string reason(sqlite3* db, int code)
{
    bool const exact = db != nullptr &&
                       (primary(code) == SQLITE_CONSTRAINT || code == SQLITE_ERROR || code == SQLITE_MISUSE);
    return exact ? sqlite3_errmsg(db) : sqlite3_errstr(code);
}

} // namespace

bool DiskError::is_full() const noexcept { return primary(extended_code_) == SQLITE_FULL; }

void throw_sqlite_error(sqlite3* db, int code, std::string_view sql)
{
    if (primary(code) == SQLITE_INTERRUPT) {
        throw Error(codes::too_much, "the read took too long; ask for less, or for a shorter time");
    }
    int const os = db == nullptr ? 0 : sqlite3_system_errno(db);
    auto text = "SQLite error " + std::to_string(code) + " (" + reason(db, code) + ")";
    if (primary(code) == SQLITE_IOERR || primary(code) == SQLITE_CANTOPEN) {
        text += ", errno " + std::to_string(os);
    }
    text.append(" in: ").append(sql);
    ELVES_LOG(error, "store: " << text);
    if (auto const* const why = refusal(code)) {
        bool const reads = db != nullptr && sqlite3_db_readonly(db, "main") == 1;
        throw DiskError(code, std::string("the store cannot ") + (reads ? "read: " : "write: ") + why);
    }
    if (primary(code) == SQLITE_CORRUPT || primary(code) == SQLITE_NOTADB) throw DamagedFile(text);
    throw std::runtime_error(text);
}

} // namespace elves
