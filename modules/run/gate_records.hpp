#pragma once

#include <string>
#include <vector>

#include "elves/sql.hpp"
#include "start_cap.hpp"
#include "start_window.hpp"

namespace elves::gate_records {

// The SQL of windows and caps. All on the store's threads.

void put(Db& db, StartWindow const& window);
void put(Db& db, StartCap const& cap);
/// False where there is none.
[[nodiscard]] bool erase_window(Db& db, std::string const& name);
[[nodiscard]] bool erase_cap(Db& db, std::string const& name);
[[nodiscard]] std::vector<StartWindow> windows(Db& db);
[[nodiscard]] std::vector<StartCap> caps(Db& db);

} // namespace elves::gate_records
