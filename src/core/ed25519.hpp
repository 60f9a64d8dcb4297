#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace elves {

/// The bytes of an Ed25519 public key, and of a signature (RFC 8032).
inline constexpr std::size_t ed25519_key_bytes = 32;
inline constexpr std::size_t ed25519_signature_bytes = 64;

/// False also where key or signature are no such things.
[[nodiscard]] bool is_signed_by(
    std::string_view public_key, std::string_view message, std::string_view signature) noexcept;

/// A private Ed25519 key.
class Ed25519Key {
public:
    /// Of PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it, without a passphrase. Throws
    /// std::runtime_error where it is none.
    [[nodiscard]] static Ed25519Key from_pem(std::string_view pem);

    [[nodiscard]] std::string sign(std::string_view message) const;
    [[nodiscard]] std::string public_key() const;

private:
    explicit Ed25519Key(evp_pkey_st* key);
    std::unique_ptr<evp_pkey_st, void (*)(evp_pkey_st*)> key_;
};

} // namespace elves
