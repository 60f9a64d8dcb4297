#pragma once

#include <string>
#include <vector>

#include "elves/sql.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// Which hosts are to have which version of an app.
struct Assignment {
    TaskId id;
    std::string app;
    std::string version;
    std::string target;
    std::string note;
    std::string by;   ///< The key that set it, or "".
    std::string from; ///< The address that set it.
    Instant time{};
};

/// The SQL of assignments. On the store's threads.
namespace assignment_records {

[[nodiscard]] std::vector<Assignment> all(Db& db);
/// Writes a new one, or in the place of the one with that id.
void put(Db& db, Assignment const& assignment);
void erase(Db& db, TaskId id);

} // namespace assignment_records

} // namespace elves
