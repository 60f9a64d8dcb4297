#include "store/backup.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "elves/log.hpp"
#include "elves/zone.hpp"
#include "store/disk_space.hpp"
#include "store/file_lock.hpp"
#include "store/open_db.hpp"
#include "store/row_move.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

namespace fs = std::filesystem;

constexpr int pages_a_step = 4'096; // 16 MiB

std::runtime_error refused(std::string const& path, std::string const& why)
{
    return std::runtime_error(path + ": " + why);
}

/// The file, and what SQLite keeps beside it while it writes.
void remove_with_companions(std::string const& path)
{
    std::error_code ignored;
    for (auto const* const end : {"", "-journal", "-wal", "-shm"}) fs::remove(path + end, ignored);
}

/// A file that is removed again unless it is kept under its own name.
class NewFile {
public:
    explicit NewFile(std::string path) : path_(std::move(path)), draft_(path_ + ".part")
    {
        if (fs::exists(fs::symlink_status(path_))) throw refused(path_, "is there already; name a new file");
        remove_with_companions(
            draft_); // of one that was killed: SQLite would roll back the new file by that journal
        int const fd = ::open(draft_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) throw data_file_error(path_, errno);
        ::close(fd);
    }
    NewFile(NewFile const&) = delete;
    NewFile& operator=(NewFile const&) = delete;
    ~NewFile() { remove_with_companions(draft_); }
    [[nodiscard]] std::string const& draft() const noexcept { return draft_; }
    /// Its content is on disk.
    void keep()
    {
        fs::rename(draft_, path_);
        auto const folder = fs::absolute(path_).parent_path();
        int const fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) throw data_file_error(path_, errno);
        ::fsync(fd);
        ::close(fd);
    }

private:
    std::string path_;
    std::string draft_;
};

void require_whole(Db& db, std::string const& path)
{
    auto row = db.run("PRAGMA integrity_check(1)");
    if (!row.next() || row.text(0) != "ok") {
        throw refused(path, "is damaged: " + std::string(row.text(0)) + "; take an older backup");
    }
}

void require_ours(Db& db, std::string const& path)
{
    auto row = db.run("SELECT 1 FROM sqlite_schema WHERE name = 'module_version'");
    if (!row.next()) throw refused(path, "is no data file of elvesd; name another");
}

void copy_pages(Db& from, Db& to, std::string const& name)
{
    std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> copy(
        sqlite3_backup_init(to.handle(), "main", from.handle(), "main"), &sqlite3_backup_finish);
    int code = copy ? SQLITE_OK : sqlite3_errcode(to.handle());
    while (code == SQLITE_OK) code = sqlite3_backup_step(copy.get(), pages_a_step);
    if (code != SQLITE_DONE)
        throw refused(name, std::string("could not be written: ") + sqlite3_errstr(code));
}

/// Whether a copy is looked through for damage, which takes longer than to make it.
enum class Check { none, whole };

/// Writes what `from` holds now to `draft`, for the file that will be called `name`; it needs no -wal file.
void copy_file(std::string const& from, std::string const& draft, std::string const& name, Check check)
{
    auto const source = open_db(from, Access::read_only);
    auto const target = open_draft(draft);
    Transaction snapshot(*source, Transaction::Kind::read);
    require_ours(*source, from); // The first read fixes what the snapshot shows.
    copy_pages(*source, *target, name);
    target->run("PRAGMA journal_mode = DELETE").execute();
    if (check == Check::whole) require_whole(*target, from);
}

/// Else the server could not open what it finds.
void require_owner(std::string const& path)
{
    auto const folder = fs::absolute(path).parent_path();
    struct stat about {};
    if (::stat(folder.c_str(), &about) != 0) throw data_file_error(path, errno);
    if (about.st_uid != ::geteuid()) {
        throw refused(path, "do this as the user that owns its folder, so that the server can use the file");
    }
}

/// Moves away what is at `path`, its -wal file first: a file without its own may lack the latest commits, but
/// a new one that finds another's would be damaged.
std::string move_away(std::string const& path)
{
    if (!fs::exists(path)) return "";
    auto stamp = iso_text(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    std::erase(stamp, ':');
    auto const kept = path + ".before-" + stamp;
    if (fs::exists(path + "-wal")) fs::rename(path + "-wal", kept + "-wal");
    fs::remove(path + "-shm");
    fs::rename(path, kept);
    return kept;
}

} // namespace

std::int64_t back_up(std::string const& from, std::string const& to)
{
    NewFile file(to);
    copy_file(from, file.draft(), to, Check::whole);
    auto const size = static_cast<std::int64_t>(fs::file_size(file.draft()));
    file.keep();
    return size;
}

void copy_before_upgrade(Db& db)
{
    char const* const path = sqlite3_db_filename(db.handle(), "main");
    if (path == nullptr || *path == '\0') return;
    auto const to = std::string(path) + ".before-upgrade";
    auto row = db.run("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()");
    auto const size = row.next() ? row.number(0) : 0;
    remove_with_companions(to);
    if (auto const free = free_bytes(db); free && *free < size)
        throw refused(path, "before its tables are brought up to date it is copied to " + to +
                                ", which takes " + std::to_string(size) + " bytes, and " +
                                std::to_string(*free) + " are free; make room");
    ELVES_LOG(info,
        "store.copying to=" << to << " bytes=" << size << ": its tables are about to be brought up to date");
    NewFile file(to);
    copy_file(path, file.draft(), to, Check::none);
    file.keep();
}

/// A new file each time: the one before may be another user's, or a link to elsewhere.
bool note_backup(std::string const& from)
{
    auto const mark = backup_mark(from);
    ::unlink(mark.c_str());
    int const fd = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    ::close(fd);
    return true;
}

std::string restore(std::string const& from, std::string const& path)
{
    require_owner(path);
    FileLock const lock(path);
    auto const draft = path + ".restoring";
    remove_with_companions(draft);
    NewFile file(draft);
    copy_file(from, file.draft(), draft, Check::whole);
    file.keep();
    try {
        auto const kept = move_away(path);
        fs::rename(draft, path);
        return kept;
    } catch (...) {
        remove_with_companions(draft);
        throw;
    }
}

} // namespace elves
