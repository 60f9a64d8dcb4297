#pragma once

#include "elves/method_table.hpp"
#include "elves/store.hpp"
#include "elves/zone.hpp"

namespace elves {

/// Declares `elves.listaudit` and `elves.verifyaudit`. `store` outlives the table.
void declare_audit_methods(MethodTable& table, Store& store, Zone const& zone);

} // namespace elves
