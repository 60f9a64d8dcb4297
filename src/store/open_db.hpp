#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "elves/sql.hpp"

namespace elves {

enum class Access { read_write, read_only };

/// Makes the data file with mode 0600 where there is none; looks whether it can be a database, and whether it
/// and what SQLite keeps beside it are regular files of root's or this process's user, for their owner alone.
/// Before the process's first connection to it only: closing a descriptor drops SQLite's locks on that file.
/// Throws std::runtime_error, one line that names the file and what to do.
void make_or_check_file(std::string const& path);

/// Looks at what is there in the same way, and changes nothing; no file yet is fine. Throws, and must not be
/// called once there is a connection, as above.
void check_file(std::string const& path);

/// Opens the data file: WAL, synchronous=FULL, foreign keys.
/// Throws std::runtime_error, one line that names the file and what to do.
/// `vfs`: SQLite's name of a file system other than the usual; null for that.
[[nodiscard]] std::unique_ptr<Db> open_db(std::string const& path, Access access, char const* vfs = nullptr);

/// Opens it for reading, and leaves no file beside it: where no other program has it open, the file alone is
/// read. Throws as open_db.
[[nodiscard]] std::unique_ptr<Db> open_as_it_is(std::string const& path);

/// The one line for a data file (or what lies beside it) that the system refuses with `errno_code`.
[[nodiscard]] std::runtime_error data_file_error(std::string const& path, int errno_code);

/// Opens an empty file for a copy of another to be written to: on disk once that is committed.
/// Throws as open_db.
[[nodiscard]] std::unique_ptr<Db> open_draft(std::string const& path);

/// A database without a file, set up as `open_db` does.
[[nodiscard]] std::unique_ptr<Db> open_in_memory();

} // namespace elves
