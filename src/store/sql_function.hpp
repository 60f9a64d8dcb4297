#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "elves/sql.hpp"

namespace elves {

/// A value in SQL; the first is NULL.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string>;
using SqlFunction = std::function<SqlValue(std::vector<SqlValue> const&)>;

/// Makes `name`, with so many values, known to the SQL of this connection; it has to give the same for the
/// same. What `code` throws is an error of the statement.
void define_function(Db& db, char const* name, int values, SqlFunction code);

} // namespace elves
