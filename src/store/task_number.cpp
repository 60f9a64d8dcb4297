#include "store/task_number.hpp"

#include "elves/task_id.hpp"
#include "store/sql_function.hpp"

namespace elves {

void define_task_number(Db& db)
{
    define_function(db, "task_number", 1, [](std::vector<SqlValue> const& values) -> SqlValue {
        auto const* const text = std::get_if<std::string>(&values[0]);
        auto const id = text ? TaskId::parse(*text) : std::nullopt;
        if (!id) return {};
        return static_cast<std::int64_t>(id->value());
    });
}

} // namespace elves
