#pragma once

#include <string_view>
#include <vector>

#include "elves/module.hpp"

namespace elves {

struct BuiltinModule {
    std::string_view name;
    MakeModule make;
};

/// What elves_add_module() linked in, in the order in which they are made: what needs a service comes after
/// who offers it.
[[nodiscard]] std::vector<BuiltinModule> const& builtin_modules();

} // namespace elves
