#include "store/group_commit.hpp"

#include <cstddef>

#include "elves/commit_in_doubt.hpp"
#include "store/sqlite_error.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

enum class Outcome {
    committed,
    unit_failed, ///< The one at `at`; nothing is committed.
    some_failed, ///< One of them, and only COMMIT saw it: a deferred foreign key.
    refused,     ///< By the disk; nothing is committed.
    in_doubt,
};

struct Attempt {
    Outcome outcome = Outcome::committed;
    std::size_t at = 0;
    std::exception_ptr error = nullptr;
};

Attempt commit(Transaction& transaction)
{
    try {
        transaction.write_parts();
    } catch (DiskError const&) {
        return {Outcome::refused, 0, std::current_exception()};
    } catch (...) {
        return {Outcome::some_failed, 0, std::current_exception()};
    }
    try {
        transaction.commit();
        return {};
    } catch (DiskError const& error) {
        // ENOSPC comes before the commit record is written; after a failed sync anything may be true.
        if (error.is_full()) return {Outcome::refused, 0, std::current_exception()};
        return {Outcome::in_doubt, 0, std::make_exception_ptr(CommitInDoubt(error.what()))};
    } catch (...) {
        return {Outcome::some_failed, 0, std::current_exception()};
    }
}

Attempt attempt(Db& db, std::span<Unit> units)
try {
    Transaction transaction(db);
    for (std::size_t at = 0; at < units.size(); ++at) {
        try {
            units[at].work(db);
            if (!transaction.open()) {
                // It swallowed the failure; what comes next would commit each for itself.
                throw Error(codes::store_cannot_write, "the store cannot write: rolled back");
            }
        } catch (DiskError const& error) {
            return {error.is_full() ? Outcome::unit_failed : Outcome::refused, at, std::current_exception()};
        } catch (...) {
            return {Outcome::unit_failed, at, std::current_exception()};
        }
    }
    return commit(transaction);
} catch (DiskError const&) { // BEGIN
    return {Outcome::refused, 0, std::current_exception()};
} catch (...) {
    // A transaction that would not be rolled back, say: a new connection has none.
    return {Outcome::in_doubt, 0, std::current_exception()};
}

} // namespace

GroupResult commit_group(Db& db, std::span<Unit> units)
{
    // No savepoints: units seldom fail, and then each is run three times at most. What is left starts with
    // `rest`; `size` of it are tried.
    GroupResult result;
    auto rest = units;
    auto size = rest.size();
    auto const go_on_after = [&](std::size_t count) {
        rest = rest.subspan(count);
        size = rest.size();
    };
    while (!rest.empty()) {
        auto const tried = attempt(db, rest.first(size));
        if (tried.outcome == Outcome::committed) {
            ++result.commits;
            go_on_after(size);
        } else if (tried.outcome == Outcome::unit_failed && tried.at > 0) {
            size = tried.at;
        } else if (tried.outcome == Outcome::some_failed && size > 1) {
            size /= 2;
        } else if (tried.outcome == Outcome::unit_failed || tried.outcome == Outcome::some_failed) {
            rest.front().error = tried.error;
            go_on_after(1);
        } else {
            for (auto& unit : rest) unit.error = tried.error;
            result.in_doubt = tried.outcome == Outcome::in_doubt;
            break;
        }
    }
    return result;
}

} // namespace elves
