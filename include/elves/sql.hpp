#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "elves/zone.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace elves {

/// One use of a prepared statement: bind, then `execute()` or `next()`. Reset and cleared at the end of its
/// scope, after errors too. Every failure of SQLite throws (see Db). A view of the Db that made it.
class Run {
public:
    explicit Run(sqlite3_stmt* statement) noexcept : statement_(statement) {}
    Run(Run&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
    Run& operator=(Run&&) = delete;
    ~Run();

    /// Parameters are numbered from 1. Text is not copied: it must live until the statement has run.
    Run& bind(int index, std::string_view text);
    Run& bind(int index, std::int64_t number);
    Run& bind_null(int index);
    /// Bytes, not copied either.
    Run& bind_blob(int index, std::string_view bytes);
    template <class T>
    Run& bind(int index, std::optional<T> const& value)
    {
        return value ? bind(index, *value) : bind_null(index);
    }

    void execute();
    /// Steps to the next row; false at the end.
    [[nodiscard]] bool next();

    /// Columns are numbered from 0. Text is valid until the next step.
    [[nodiscard]] std::string_view text(int column) const;
    /// The bytes of a BLOB, valid until the next step.
    [[nodiscard]] std::string_view blob(int column) const;
    [[nodiscard]] std::int64_t number(int column) const;
    /// Of milliseconds since 1970. One out of the years 0 to 9999 was not written by us: the nearest in them.
    [[nodiscard]] Instant instant(int column) const;
    [[nodiscard]] bool is_null(int column) const;

private:
    [[noreturn]] void fail() const;
    sqlite3_stmt* statement_;
};

class Db;

/// State in memory that belongs to a connection and is written with its transactions (see Db::part). Used by
/// the connection's thread.
class TransactionPart {
public:
    TransactionPart() = default;
    TransactionPart(TransactionPart const&) = delete;
    TransactionPart& operator=(TransactionPart const&) = delete;
    virtual ~TransactionPart() = default;
    /// Runs inside a transaction, just before its COMMIT; writes what was staged and not written yet. An
    /// exception fails the commit.
    virtual void before_commit(Db& db) = 0;
    /// The transaction was rolled back, or its COMMIT failed: drops all that was staged in it.
    virtual void on_rollback() noexcept = 0;
};

/// One connection to the data file, with its prepared statements. Belongs to one thread at a time.
/// What the disk refuses throws Error 507.1, anything else std::runtime_error.
class Db {
public:
    explicit Db(std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle);
    Db(Db const&) = delete;
    Db& operator=(Db const&) = delete;
    ~Db();

    /// The statement, prepared once for each text.
    [[nodiscard]] Run run(std::string_view sql);
    /// Rows that the last statement inserted, changed or deleted.
    [[nodiscard]] std::int64_t changes() const;
    /// Runs statements divided by `;`, without parameters.
    void script(std::string const& sql);
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

    /// The connection's part of that type, made at its first use.
    template <class Part>
    [[nodiscard]] Part& part()
    {
        for (auto const& each : parts_) {
            if (auto* const found = dynamic_cast<Part*>(each.get())) return *found;
        }
        auto made = std::make_unique<Part>();
        auto& part = *made;
        parts_.push_back(std::move(made));
        return part;
    }
    /// True inside a Transaction that writes: its parts are written before its COMMIT.
    [[nodiscard]] bool has_transaction() const noexcept { return has_transaction_; }

private:
    friend class Transaction; // Calls the parts.

    /// Finds a text without a copy of it, by its end: they are long, and many begin alike.
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view sql) const noexcept
        {
            auto const end = sql.substr(sql.size() - std::min<std::size_t>(sql.size(), 16));
            return std::hash<std::string_view>()(end) + sql.size();
        }
    };

    sqlite3_stmt* prepare(std::string_view sql);

    std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
    std::unordered_map<std::string, sqlite3_stmt*, Hash, std::equal_to<>> statements_;
    std::vector<std::unique_ptr<TransactionPart>> parts_;
    bool has_transaction_ = false;
};

} // namespace elves
