#include "elves/sql.hpp"

#include <stdexcept>

#include <sqlite3.h>

#include "store/sqlite_error.hpp"

namespace elves {

Run::~Run()
{
    if (statement_ == nullptr) return;
    // Its result repeats the failure of the step, which has been thrown already.
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

void Run::fail() const
{
    auto* const db = sqlite3_db_handle(statement_);
    throw_sqlite_error(db, sqlite3_extended_errcode(db), sqlite3_sql(statement_));
}

Run& Run::bind(int index, std::string_view text)
{
    // A null pointer would bind NULL.
    char const* const data = text.data() == nullptr ? "" : text.data();
    if (sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK) {
        fail();
    }
    return *this;
}

Run& Run::bind(int index, std::int64_t number)
{
    if (sqlite3_bind_int64(statement_, index, number) != SQLITE_OK) fail();
    return *this;
}

Run& Run::bind_blob(int index, std::string_view bytes)
{
    // A null pointer would bind NULL.
    char const* const data = bytes.data() == nullptr ? "" : bytes.data();
    if (sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_STATIC) != SQLITE_OK) fail();
    return *this;
}

Run& Run::bind_null(int index)
{
    if (sqlite3_bind_null(statement_, index) != SQLITE_OK) fail();
    return *this;
}

void Run::execute()
{
    while (next()) {
    }
    // Ready for new parameters.
    sqlite3_reset(statement_);
}

bool Run::next()
{
    switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
        return true;
    case SQLITE_DONE:
        return false;
    default:
        fail();
    }
}

std::string_view Run::text(int column) const
{
    auto const* const text = reinterpret_cast<char const*>(sqlite3_column_text(statement_, column));
    if (text == nullptr) return {};
    return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Run::blob(int column) const
{
    auto const* const bytes = static_cast<char const*>(sqlite3_column_blob(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Run::number(int column) const { return sqlite3_column_int64(statement_, column); }

Instant Run::instant(int column) const
{
    using namespace std::chrono;
    constexpr Instant first = sys_days(year(0) / January / 1);
    constexpr Instant last = sys_days(year(10'000) / January / 1) - milliseconds(1);
    return std::clamp(Instant(milliseconds(number(column))), first, last);
}

bool Run::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Db::Db(std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle) : handle_(std::move(handle))
{
    sqlite3_extended_result_codes(handle_.get(), 1);
}

Db::~Db()
{
    for (auto const& [sql, statement] : statements_) sqlite3_finalize(statement);
}

Run Db::run(std::string_view sql)
{
    auto const found = statements_.find(sql);
    auto* const statement = found == statements_.end() ? prepare(sql) : found->second;
    if (sqlite3_stmt_busy(statement) != 0) {
        throw std::logic_error("a statement is used inside its own rows: " + std::string(sql));
    }
    return Run(statement);
}

sqlite3_stmt* Db::prepare(std::string_view sql)
{
    sqlite3_stmt* statement = nullptr;
    int const code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) throw_sqlite_error(handle_.get(), code, sql);
    if (statement == nullptr) throw std::logic_error("not an SQL statement: " + std::string(sql));
    statements_.emplace(sql, statement);
    return statement;
}

std::int64_t Db::changes() const { return sqlite3_changes64(handle_.get()); }

void Db::script(std::string const& sql)
{
    char const* rest = sql.c_str();
    while (*rest != '\0') {
        sqlite3_stmt* statement = nullptr;
        char const* const text = rest;
        int const code = sqlite3_prepare_v2(handle_.get(), text, -1, &statement, &rest);
        if (code != SQLITE_OK) throw_sqlite_error(handle_.get(), code, text);
        if (statement == nullptr) continue; // blanks or a comment
        auto const finalize = [](sqlite3_stmt* done) { sqlite3_finalize(done); };
        std::unique_ptr<sqlite3_stmt, decltype(finalize)> const owner(statement, finalize);
        Run(statement).execute();
    }
}

} // namespace elves
