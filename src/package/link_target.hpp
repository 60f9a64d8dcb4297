#pragma once

#include <string_view>

namespace elves {

/// Whether a symbolic link stays inside the folder of its package. `place`: the link's own path from that
/// folder, each part of it a real folder; `target`: relative. `..` is allowed at the target's beginning only:
/// behind the name of another link it would lead elsewhere than it says.
[[nodiscard]] bool stays_inside(std::string_view place, std::string_view target) noexcept;

} // namespace elves
