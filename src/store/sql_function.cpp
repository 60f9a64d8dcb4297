#include "store/sql_function.hpp"

#include <exception>

#include <sqlite3.h>

namespace elves {

namespace {

SqlValue read(sqlite3_value* value)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
        return {};
    case SQLITE_INTEGER:
        return sqlite3_value_int64(value);
    default: {
        auto const* const text = reinterpret_cast<char const*>(sqlite3_value_text(value));
        return std::string(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
    }
    }
}

struct Answer {
    sqlite3_context* context;
    void operator()(std::monostate) const { sqlite3_result_null(context); }
    void operator()(std::int64_t number) const { sqlite3_result_int64(context, number); }
    void operator()(std::string const& text) const
    {
        sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
};

void call(sqlite3_context* context, int count, sqlite3_value** given)
{
    auto const& code = *static_cast<SqlFunction const*>(sqlite3_user_data(context));
    try {
        std::vector<SqlValue> values;
        for (int i = 0; i < count; ++i) values.push_back(read(given[i]));
        std::visit(Answer{context}, code(values));
    } catch (std::exception const& problem) {
        sqlite3_result_error(context, problem.what(), -1);
    }
}

} // namespace

void define_function(Db& db, char const* name, int values, SqlFunction code)
{
    // SQLite calls the deleter also where it refuses.
    sqlite3_create_function_v2(db.handle(), name, values, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
        new SqlFunction(std::move(code)), &call, nullptr, nullptr,
        [](void* owned) { delete static_cast<SqlFunction*>(owned); });
}

} // namespace elves
