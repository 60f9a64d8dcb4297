#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "elves/json.hpp"

namespace elves {

struct Instruction;

/// The reserved app: agents execute its functions themselves. A folder of that name is never run.
inline constexpr std::string_view own_app = "elves";

/// The bytes of a package that travel in one call, at most.
inline constexpr std::size_t package_piece_bytes = std::size_t{128} * 1024;

/// May a version be called that? 1 to 64 of `A-Z a-z 0-9 . _ + ~ : -`, beginning with a letter or digit.
[[nodiscard]] bool is_app_version(std::string_view text) noexcept;
/// 64 lower-case hex digits.
[[nodiscard]] bool is_sha256(std::string_view text) noexcept;

/// What an instruction of the reserved app asks of an agent: the param of `elves.deploy` and
/// `elves.rollback`.
struct Deployment {
    std::string app;
    std::string version;   ///< Empty in a roll-back.
    std::string sha256;    ///< Of the package.
    std::int64_t size = 0; ///< Bytes of the package.
    std::string signature; ///< Ed25519, in base64; empty without one.

    /// What a signer signs: all fields but the signature itself.
    [[nodiscard]] std::string signed_text() const;
    /// The param of `elves.deploy`.
    [[nodiscard]] json::object to_json() const;
    /// Of `elves.deploy` or `elves.rollback`. Throws Error 403.7, 403.2 or 403.10, which names the field.
    [[nodiscard]] static Deployment read(Instruction const& ins);
};

/// The app that an instruction of the reserved app changes; nothing for an instruction of any other app.
/// Throws as Deployment::read does.
[[nodiscard]] std::optional<std::string> deployed_app(Instruction const& ins);

} // namespace elves
