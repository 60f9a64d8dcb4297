#pragma once

#include <string>
#include <vector>

#include "ctl/outcome.hpp"

namespace elves::ctl {

/// The whole of elvesctl, without the program's name. Throws nothing.
[[nodiscard]] Exit run(std::vector<std::string> const& arguments);

} // namespace elves::ctl
