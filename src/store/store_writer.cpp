#include "store/store_writer.hpp"

#include <algorithm>
#include <utility>

#include <sqlite3.h>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "store/open_db.hpp"

namespace elves {

namespace {

// Pages in the -wal file (4 KiB each): from the first the writer folds them in when it has nothing else to
// do, from the second in any case.
constexpr int wal_pages_when_idle = 1'000;
constexpr int wal_pages_always = 8'000;

// Free pages stay in the file for new rows. Where they are more than a quarter of it, and more than some MiB,
// the file system gets them back, a step at a time while there is nothing else to write, down to an eighth.
constexpr std::int64_t free_pages_at_least = 1'024;
constexpr std::chrono::seconds between_looks_at_pages{1};

struct Pages {
    std::int64_t all = 0;
    std::int64_t free = 0;
};

Pages count_pages(Db& db)
{
    auto row = db.run(
        "SELECT a.page_count, f.freelist_count FROM pragma_page_count AS a, pragma_freelist_count AS f");
    if (!row.next()) return {};
    return {row.number(0), row.number(1)};
}

Pages give_back_some(Db& db)
{
    db.run("PRAGMA incremental_vacuum(256)").execute();
    return count_pages(db);
}

} // namespace

StoreWriter::StoreWriter(std::string path, char const* vfs) : path_(std::move(path)), vfs_(vfs) { connect(); }

void StoreWriter::connect()
{
    db_ = open_db(path_, Access::read_write, vfs_);
    // In place of SQLite's own checkpoints, which make a commit wait.
    sqlite3_wal_hook(
        db_->handle(),
        [](void* self, sqlite3*, char const*, int pages) {
            static_cast<StoreWriter*>(self)->wal_pages_ = pages;
            return SQLITE_OK;
        },
        this);
}

Db& StoreWriter::open()
{
    if (db_) return *db_;
    try {
        connect();
    } catch (std::exception const& error) {
        ELVES_LOG(error, "store: " << error.what());
        throw Error(codes::store_cannot_write, "the store cannot write: its file cannot be opened");
    }
    ELVES_LOG(warning, "store: the data file is open again");
    return *db_;
}

GroupResult StoreWriter::write(std::span<Unit> units)
{
    GroupResult result;
    try {
        result = commit_group(open(), units);
    } catch (...) {
        for (auto& unit : units) unit.error = std::current_exception();
    }
    if (result.in_doubt) {
        ELVES_LOG(
            error, "store: a commit failed and nobody knows how far it came; the file is opened anew first");
        db_.reset();
    }
    return result;
}

void StoreWriter::maintain(std::function<bool()> const& is_idle)
{
    checkpoint(is_idle);
    give_back_pages(is_idle);
}

void StoreWriter::checkpoint(std::function<bool()> const& is_idle)
{
    if (!db_ || wal_pages_ < wal_pages_when_idle) return;
    if (wal_pages_ < wal_pages_always && !is_idle()) return;
    int const code =
        sqlite3_wal_checkpoint_v2(db_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    // Nothing is lost: the pages stay in the -wal file, and the next commit says how many there are.
    wal_pages_ = 0;
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        ELVES_LOG(warning, "store: a checkpoint failed: SQLite error " << code << " (" << sqlite3_errstr(code)
                                                                       << "); tried again later");
    }
}

void StoreWriter::give_back_pages(std::function<bool()> const& is_idle)
{
    auto const now = std::chrono::steady_clock::now();
    if (!db_ || now - looked_at_pages_ < between_looks_at_pages) return;
    looked_at_pages_ = now;
    try {
        auto pages = count_pages(*db_);
        if (pages.free < std::max(free_pages_at_least, pages.all / 4)) return;
        while (is_idle() && pages.free > pages.all / 8) {
            // A file that an older program made has no map of its pages, and gives none back.
            auto const before = std::exchange(pages, give_back_some(*db_));
            if (pages.free == before.free) return;
        }
    } catch (std::exception const& error) {
        ELVES_LOG(warning, "store: free pages were not given back: " << error.what());
    }
}

void StoreWriter::optimize()
{
    if (!db_) return;
    try {
        db_->script("PRAGMA analysis_limit = 400; PRAGMA optimize");
    } catch (std::exception const& error) {
        ELVES_LOG(warning, "store: PRAGMA optimize failed: " << error.what());
    }
}

} // namespace elves
