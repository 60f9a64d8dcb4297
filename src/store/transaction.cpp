#include "store/transaction.hpp"

#include <exception>

#include <sqlite3.h>

#include "elves/log.hpp"

namespace elves {

Transaction::Transaction(Db& db, Kind kind) : db_(db)
{
    db_.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN").execute();
}

Transaction::~Transaction()
{
    if (!open()) return;
    try {
        db_.run("ROLLBACK").execute();
    } catch (std::exception const& error) {
        // SQLite has rolled back all the same, or will when the connection is closed.
        ELVES_LOG(error, "store: a roll-back failed: " << error.what());
    }
}

bool Transaction::open() const { return sqlite3_get_autocommit(db_.handle()) == 0; }

void Transaction::commit() { db_.run("COMMIT").execute(); }

} // namespace elves
