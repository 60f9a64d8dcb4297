#include "store/transaction.hpp"

#include <exception>
#include <utility>

#include <sqlite3.h>

#include "elves/log.hpp"

namespace elves {

Transaction::Transaction(Db& db, Kind kind) : db_(db)
{
    bool const is_write = kind == Kind::write;
    db_.run(is_write ? "BEGIN IMMEDIATE" : "BEGIN").execute();
    db_.has_transaction_ = is_write;
}

Transaction::~Transaction()
{
    if (std::exchange(db_.has_transaction_, false)) {
        for (auto const& part : db_.parts_) part->on_rollback();
    }
    if (!open()) return;
    try {
        db_.run("ROLLBACK").execute();
    } catch (std::exception const& error) {
        // SQLite has rolled back all the same, or will when the connection is closed.
        ELVES_LOG(error, "store: a roll-back failed: " << error.what());
    }
}

bool Transaction::open() const { return sqlite3_get_autocommit(db_.handle()) == 0; }

void Transaction::write_parts()
{
    if (!db_.has_transaction_) return;
    for (auto const& part : db_.parts_) part->before_commit(db_);
}

void Transaction::commit()
{
    write_parts();
    db_.run("COMMIT").execute();
    db_.has_transaction_ = false;
}

} // namespace elves
