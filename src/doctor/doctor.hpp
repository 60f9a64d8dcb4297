#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "doctor/check.hpp"
#include "elves/json.hpp"
#include "elves/sql.hpp"
#include "elves/zone.hpp"

namespace elves::doctor {

/// Something that must hold, and does not.
struct Finding {
    std::string check;
    std::string what;
    std::string advice;
};

struct Diagnosis {
    std::vector<Finding> findings;
    std::vector<std::string> reports; ///< What is no fault and good to know.
    std::size_t checked = 0;          ///< Checks that were asked.

    void add(Diagnosis part);
};

/// When and where it is asked.
struct Circumstances {
    Instant now;
    Zone zone;            ///< Of cron jobs that name none.
    bool is_live = false; ///< By the server itself, while it runs.
};

/// Asks one check; nothing where it doesn't apply, or the module never had tables in this file. At most ten
/// findings, and one that says how many more there are. On any thread; blocks for as long as SQLite does.
[[nodiscard]] Diagnosis examine(Db& db, Check const& check, Circumstances const& with);

/// Asks all of them of a file, whether a server runs on it or not. Of a file that is not an elvesd's, or is
/// of a newer program, that is the only finding. Throws std::runtime_error where the file can't be opened.
[[nodiscard]] Diagnosis examine_file(std::string const& path, Circumstances const& with);

/// `findings` (each with `check`, `what`, `advice`), `reports`, `checked`.
[[nodiscard]] json::object to_json(Diagnosis const& diagnosis);

} // namespace elves::doctor
