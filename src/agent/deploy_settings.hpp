#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "elves/settings.hpp"

namespace elves::agent {

/// `[deploy]` of agent.conf: whether this agent takes packages of apps from its server, and whose.
struct DeploySettings {
    bool accept = false;
    std::vector<std::string>
        signers; ///< Ed25519 public keys, 32 bytes each; empty: no signature is asked for.
    std::int64_t max_size = std::int64_t{64} * 1024 * 1024; ///< Bytes of a package.

    /// Bytes that a package may unpack to.
    [[nodiscard]] std::int64_t max_unpacked() const noexcept { return max_size * 8; }

    /// `apps`: the folder that packages are unpacked in. Throws SettingsError.
    [[nodiscard]] static DeploySettings read(Section const& deploy, std::filesystem::path const& apps);
};

} // namespace elves::agent
