#pragma once

#include <cstdint>
#include <string>

namespace elves::ctl {

/// `512 B`, `1.5 KiB`, `7.8 GiB`.
[[nodiscard]] std::string size_text(std::int64_t bytes);
/// `45 s`, `3 min 5 s`, `2 h 10 min`, `4 d 6 h`: two units at most.
[[nodiscard]] std::string duration_text(std::int64_t seconds);

} // namespace elves::ctl
