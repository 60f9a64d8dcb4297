#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "elves/json.hpp"

namespace elves::ctl {

/// Addresses by the name of the Elves group that they are in.
using GroupMembers = std::map<std::string, std::vector<std::string>>;

/// The answer to `--list` of Ansible's inventory plug-in `script`. Hosts are named by their addresses, so
/// that Ansible connects to what Elves means. Groups: `label_KEY_VALUE`, `os_OS`, `status_STATUS` and
/// `group_NAME`. `_meta.hostvars` has what Elves knows of each host, so that Ansible asks for no host by
/// itself. `hosts`: the rows of `fleet.findagents`.
[[nodiscard]] json::object ansible_inventory(json::array const& hosts, GroupMembers const& groups);

/// A name that Ansible takes for a group: each run of characters other than A-Z a-z 0-9 _ is one `_`.
[[nodiscard]] std::string ansible_group_name(std::string_view text);

} // namespace elves::ctl
