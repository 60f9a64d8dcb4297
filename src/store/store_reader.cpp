#include "store/store_reader.hpp"

#include <sqlite3.h>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "store/open_db.hpp"
#include "store/sqlite_error.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

/// SQLite's virtual instructions between two looks at the clock; some 50 µs.
constexpr int steps_between_looks = 1'000;

} // namespace

void StoreReader::open()
{
    if (!db_) db_ = open_db(path_, Access::read_only, vfs_);
}

void StoreReader::read(Unit& unit, std::chrono::milliseconds limit, std::atomic<bool> const& stopping)
{
    try {
        open();
    } catch (std::exception const& error) {
        ELVES_LOG(error, "store: " << error.what());
        unit.error = std::make_exception_ptr(
            Error(codes::store_cannot_write, "the store cannot read: its file cannot be opened"));
        return;
    }
    deadline_ = std::chrono::steady_clock::now() + limit;
    stopping_ = &stopping;
    sqlite3_progress_handler(
        db_->handle(), steps_between_looks,
        [](void* self) { return static_cast<StoreReader const*>(self)->is_over() ? 1 : 0; }, this);
    try {
        Transaction transaction(*db_, Transaction::Kind::read);
        unit.work(*db_);
    } catch (DiskError const&) {
        unit.error = std::current_exception();
    } catch (...) {
        unit.error = std::current_exception();
        return;
    }
    if (unit.error) db_.reset();
}

bool StoreReader::is_over() const { return *stopping_ || std::chrono::steady_clock::now() > deadline_; }

} // namespace elves
