#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace elves {

/// 64 lower-case hex digits. Throws std::runtime_error where the library can't.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// Takes the same time wherever the two differ; the length of a secret is not hidden.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// The SHA-256 of a token as people compare it: its first 96 bits, `3f2a-91c0-77de-0b14-c2a9-5d01`.
[[nodiscard]] std::string fingerprint(std::string_view sha256_hex);

/// The token of a new key: `elv_` and 256 random bits.
[[nodiscard]] std::string new_token();

/// That many bytes of the system's secure random source, as base64url text without `=`: 32 bytes are 43
/// characters. Throws std::runtime_error where there is none.
[[nodiscard]] std::string random_token(std::size_t bytes);

/// A join token as it is handed out: `elvjoin_SECRET`, or `elvjoin_SECRET.PIN` where the server has TLS. Only
/// the part before the dot is a secret of the server's; the PIN, the SHA-256 of the server's certificate in
/// hex, lets a machine recognize the server before it sends anything.
struct JoinTokenText {
    std::string secret;
    std::string pin; ///< As it was written; "" without one.

    [[nodiscard]] static JoinTokenText parse(std::string_view text);
    [[nodiscard]] std::string text() const { return pin.empty() ? secret : secret + "." + pin; }
};

} // namespace elves
