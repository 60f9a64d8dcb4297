#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "elves/error.hpp"

struct sqlite3;

namespace elves {

/// Error 507.1 as SQLite said it: the disk (or the file's owner) refused.
class DiskError final : public Error {
public:
    DiskError(int extended_code, std::string const& text)
        : Error(codes::store_cannot_write, text), extended_code_(extended_code)
    {
    }
    /// Nothing was lost and nothing is in doubt: a later write may fit.
    [[nodiscard]] bool is_full() const noexcept;

private:
    int extended_code_;
};

/// The file's pages do not make sense.
class DamagedFile final : public std::runtime_error {
public:
    explicit DamagedFile(std::string const& text) : std::runtime_error(text) {}
    static constexpr auto advice =
        "it is damaged: restore a backup (elvesctl restore), or, an agent's journal, move it away";
};

/// Logs the failure (code and SQL, never values) and throws it: DiskError where the disk refuses,
/// DamagedFile, Error 429.1 for an interrupted read, std::runtime_error otherwise.
[[noreturn]] void throw_sqlite_error(sqlite3* db, int code, std::string_view sql);

} // namespace elves
