#pragma once

#include <array>

#include "ctl/command.hpp"

namespace elves::ctl {

/// The columns of an inventory file, in the order in which they are exported: the agent, then the seven
/// fields of its record.
inline constexpr std::array<std::string_view, 8> cmdb_columns{
    "agentip", "sn", "iplist", "idc", "main_cat", "sub_cat", "app_info", "manager"};

/// `cmdb import`: checks the whole file first, then sends it.
[[nodiscard]] Exit cmdb_import(Context const& with);

} // namespace elves::ctl
