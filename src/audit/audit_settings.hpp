#pragma once

#include <chrono>

#include "elves/settings.hpp"

namespace elves {

/// The section `[audit]`.
struct AuditSettings {
    enum class Param { digest, text, none };
    bool enabled = true;
    Param param = Param::digest;
    std::chrono::seconds keep{365 * 86'400};

    /// Throws SettingsError.
    [[nodiscard]] static AuditSettings read(Section const& section);
};

} // namespace elves
