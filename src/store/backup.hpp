#pragma once

#include <cstdint>
#include <string>

#include "elves/sql.hpp"

namespace elves {

/// Copies the data file `from` as it is at this moment to the new file `to` (mode 0600), whether a server
/// writes to it meanwhile or not (SQLite's online backup API, https://sqlite.org/backup.html, within one read
/// transaction: writers go on, and the copy does not begin anew with each of their commits). `to` appears
/// whole and checked, or not at all. Returns its size in bytes. Blocks as long as it takes. Throws
/// std::runtime_error, one line that names the file and what to do; also where `to` exists.
std::int64_t back_up(std::string const& from, std::string const& to);

/// Copies the data file of `db`, whose tables are about to be brought up to date, to its own name and
/// `.before-upgrade` (mode 0600), in place of the copy of an earlier upgrade: an older program can't use the
/// file afterwards. Nothing for a database in memory. Blocks as long as it takes. Throws std::runtime_error,
/// one line that says how much is missing, where the disk has no room for it.
void copy_before_upgrade(Db& db);

/// Lets the server that has the data file `from` know that a backup was made just now. False where this user
/// may not write beside it.
[[nodiscard]] bool note_backup(std::string const& from);

/// Puts the data file at `path` back to the backup `from`. What was there is kept as `path` with a time
/// behind it. Throws std::runtime_error as above and has then changed nothing: where a server uses `path`,
/// where `from` is no whole data file. Returns the name under which the old file is kept; "" where there was
/// none.
std::string restore(std::string const& from, std::string const& path);

} // namespace elves
