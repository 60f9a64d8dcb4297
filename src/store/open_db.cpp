#include "store/open_db.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/sqlite_error.hpp"

namespace elves {

namespace {

std::runtime_error refused(std::string const& path, std::string const& why)
{
    return std::runtime_error("data file " + path + ": " + why);
}

std::unique_ptr<Db> open_handle(std::string const& path, int flags, char const* vfs = nullptr)
{
    // SQLite's count of its memory, that nobody asks for, would cost a lock for each piece.
    static int const uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    static_cast<void>(uncounted);
    sqlite3* raw = nullptr;
    // NOMUTEX: a connection belongs to one thread at a time.
    int const code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, vfs);
    std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle(raw, &sqlite3_close);
    if (code == SQLITE_OK) return std::make_unique<Db>(std::move(handle));
    if (int const os = raw == nullptr ? 0 : sqlite3_system_errno(raw); os != 0) {
        throw data_file_error(path, os);
    }
    throw refused(path, std::string("cannot be opened: ") + sqlite3_errstr(code));
}

std::string pragma(Db& db, std::string const& text)
{
    auto row = db.run("PRAGMA " + text);
    return row.next() ? std::string(row.text(0)) : std::string();
}

/// SQLite ignores a pragma that it doesn't know or can't follow: ask again.
void set(Db& db, std::string const& name, std::string const& value, std::string const& expected)
{
    pragma(db, name + " = " + value);
    auto const found = pragma(db, name);
    if (found != expected) {
        throw std::runtime_error("SQLite's " + name + " is \"" + found + "\" and not \"" + expected + "\"");
    }
}

void set_up(Db& db)
{
    sqlite3_busy_timeout(db.handle(), 5'000);
    set(db, "foreign_keys", "ON", "1");
    set(db, "trusted_schema", "OFF", "0");
}

} // namespace

std::runtime_error data_file_error(std::string const& path, int errno_code)
{
    switch (errno_code) {
    case ENOENT:
        return refused(path, "it or its folder does not exist; create the folder, or name another file");
    case EACCES:
    case EPERM:
        return refused(path, "no permission; let this program's user read and write file and folder");
    case EROFS:
        return refused(path, "its file system is read-only; remount it, or name another file");
    case EISDIR:
        return refused(path, "this is a folder; name a file");
    case ELOOP:
        return refused(path, "is a symbolic link, which may lead anywhere; name the file itself");
    default:
        return refused(path, std::string("cannot be opened: ") + std::strerror(errno_code));
    }
}

namespace {

// A link may be another's, and a pipe would be waited for.
constexpr int as_it_is = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

void require_file(struct stat const& about, std::string const& path)
{
    if (!S_ISREG(about.st_mode)) throw refused(path, "is not a regular file; name another, or move it away");
}

/// What stands in it is believed, and done: nobody but root and we may have written it, or read it.
void require_own(struct stat const& about, std::string const& path)
{
    auto const own = ::geteuid();
    if (about.st_uid != 0 && about.st_uid != own) {
        throw refused(
            path, "belongs to user " + std::to_string(about.st_uid) +
                      ", who can change what is in it; run this as that user, or look at it, then chown " +
                      std::to_string(own) + " " + path);
    }
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        throw refused(path, "others than its owner may use it; chmod 600 " + path);
}

/// What SQLite takes for a part of the file. Not opened: that is SQLite's to do.
void check_companions(std::string const& path)
{
    for (auto const* const end : {"-wal", "-shm", "-journal"}) {
        auto const companion = path + end;
        struct stat about {};
        if (::lstat(companion.c_str(), &about) != 0) {
            if (errno == ENOENT) continue;
            throw data_file_error(companion, errno);
        }
        require_file(about, companion);
        require_own(about, companion);
    }
}

/// Closes `fd`.
void check_open_file(int fd, std::string const& path)
{
    constexpr std::string_view magic("SQLite format 3\0", 16);
    std::array<char, 16> head{};
    struct stat about {};
    bool const known = ::fstat(fd, &about) == 0;
    auto const got = known && S_ISREG(about.st_mode) ? ::pread(fd, head.data(), head.size(), 0) : 0;
    ::close(fd);
    require_file(about, path);
    // Before the rest: who has named another file by mistake is not to change its mode.
    if (got != 0 && // else it is new
        std::string_view(head.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))) != magic) {
        throw refused(path, "is not a database, or damaged; restore a backup, or name another file");
    }
    require_own(about, path);
    check_companions(path);
}

} // namespace

void make_or_check_file(std::string const& path)
{
    // SQLite would make it readable by all; -wal and -shm get the mode of the file.
    int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | as_it_is, 0600);
    if (fd < 0) throw data_file_error(path, errno);
    check_open_file(fd, path);
}

void check_file(std::string const& path)
{
    // For writing, as it will be opened: that also says what user, mode and file system allow.
    int const fd = ::open(path.c_str(), O_RDWR | as_it_is);
    if (fd < 0 && errno == ENOENT) return check_companions(path);
    if (fd < 0) throw data_file_error(path, errno);
    check_open_file(fd, path);
}

std::unique_ptr<Db> open_db(std::string const& path, Access access, char const* vfs)
{
    bool const writes = access == Access::read_write;
    auto db = open_handle(path, writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, vfs);
    try {
        set_up(*db);
        if (writes) {
            // So that it can be made smaller again; later SQLite could not.
            if (pragma(*db, "page_count") == "0") pragma(*db, "auto_vacuum = INCREMENTAL");
            set(*db, "journal_mode", "WAL", "wal");
            set(*db, "synchronous", "FULL", "2");
            // After a burst the -wal file shrinks to this again.
            pragma(*db, "journal_size_limit = 67108864");
        }
        pragma(*db, "schema_version"); // reads the first page
    } catch (DamagedFile const& error) {
        throw refused(path, std::string(error.what()) + "; " + DamagedFile::advice);
    } catch (std::exception const& error) {
        throw refused(path, std::string("cannot be used: ") + error.what() + "; check disk and permissions");
    }
    return db;
}

std::unique_ptr<Db> open_as_it_is(std::string const& path)
{
    // A server that runs, or was killed, has these; to read without them SQLite has to be told that nobody
    // writes.
    if (::access((path + "-wal").c_str(), F_OK) == 0) return open_db(path, Access::read_only);
    std::string uri = "file:";
    for (char const c : std::filesystem::absolute(path).string()) {
        if (c == '?' || c == '#' || c == '%') {
            uri += c == '?' ? "%3f" : c == '#' ? "%23" : "%25";
        } else {
            uri += c;
        }
    }
    return open_handle(uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

std::unique_ptr<Db> open_draft(std::string const& path) { return open_handle(path, SQLITE_OPEN_READWRITE); }

std::unique_ptr<Db> open_in_memory()
{
    auto db = open_handle(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY);
    set_up(*db);
    return db;
}

} // namespace elves
