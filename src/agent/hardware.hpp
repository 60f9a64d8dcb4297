#pragma once

#include <string>

namespace elves::agent {

/// This machine as compact JSON, for `hw_config`: `cpu{model, cores}`, `memory{total}`, `disks[]{mount, size,
/// used}` (bytes; real file systems of this machine only), `networks[]{name, mac, addresses[]}` (without
/// loopback). What can't be read is left out. Never throws but for want of memory.
[[nodiscard]] std::string hardware_json();

/// `linux`: the system's name in lower case.
[[nodiscard]] std::string os_name();

} // namespace elves::agent
