#pragma once

#include <cstdint>
#include <string>

namespace elves::agent {

/// The line that stands where a part of a worker's output was left out.
[[nodiscard]] inline std::string cut_line(std::uint64_t bytes)
{
    return "[" + std::to_string(bytes) + " bytes left out]\n";
}

} // namespace elves::agent
