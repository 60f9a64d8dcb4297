#include "store/check_data_file.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include <sqlite3.h>

#include "elves/error.hpp"
#include "store/file_lock.hpp"
#include "store/open_db.hpp"
#include "store/sqlite_error.hpp"

namespace elves {

namespace {

constexpr std::chrono::seconds longest_page_check{10};
/// SQLite's virtual instructions between two looks at the clock.
constexpr int steps_between_looks = 10'000;

std::runtime_error refused(std::string const& path, std::string const& why)
{
    return std::runtime_error("data file " + path + ": " + why);
}

/// Files are made beside it: the lock file, and SQLite's -wal and -shm.
void require_writable_folder(std::string const& path)
{
    auto const folder = std::filesystem::absolute(path).parent_path().string();
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        throw data_file_error(path, errno);
}

using Deadline = std::chrono::steady_clock::time_point;

int is_past(void* deadline)
{
    return std::chrono::steady_clock::now() > *static_cast<Deadline*>(deadline) ? 1 : 0;
}

/// A large file is looked at in part.
void require_sound_pages(Db& db, std::string const& path)
{
    auto until = std::chrono::steady_clock::now() + longest_page_check;
    sqlite3_progress_handler(db.handle(), steps_between_looks, is_past, &until);
    try {
        auto row = db.run("PRAGMA quick_check(1)");
        if (row.next() && row.text(0) != "ok")
            throw refused(path, "is damaged: " + std::string(row.text(0)) + "; " + DamagedFile::advice);
    } catch (Error const& error) {
        if (error.code() != codes::too_much) throw;
    }
    sqlite3_progress_handler(db.handle(), 0, nullptr, nullptr);
}

void check_content(std::string const& path, std::vector<Schema> const& schemas)
{
    try {
        auto const db = open_as_it_is(path);
        require_migratable(*db, schemas);
        require_sound_pages(*db, path);
    } catch (DamagedFile const& error) {
        throw refused(path, std::string(error.what()) + "; " + DamagedFile::advice);
    }
}

} // namespace

std::optional<std::string> check_data_file(std::string const& path, std::vector<Schema> const& schemas)
{
    require_writable_folder(path);
    auto in_use_by = FileLock::holder_of(path);
    check_file(path);
    std::error_code ignored;
    // An empty one is what a start that was killed has left; there is nothing in it to look at.
    if (std::filesystem::exists(path, ignored) && std::filesystem::file_size(path, ignored) > 0)
        check_content(path, schemas);
    return in_use_by;
}

} // namespace elves
