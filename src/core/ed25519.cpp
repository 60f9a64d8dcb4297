#include "core/ed25519.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdexcept>

namespace elves {

namespace {

using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

unsigned char const* bytes_of(std::string_view text)
{
    return reinterpret_cast<unsigned char const*>(text.data());
}

/// A key file with a passphrase is refused, not asked for.
int no_passphrase(char*, int, int, void*) { return -1; }

} // namespace

bool is_signed_by(std::string_view public_key, std::string_view message, std::string_view signature) noexcept
{
    if (public_key.size() != ed25519_key_bytes || signature.size() != ed25519_signature_bytes) return false;
    Pkey const key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key), public_key.size()),
        &EVP_PKEY_free);
    Context const context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(
               context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

Ed25519Key::Ed25519Key(evp_pkey_st* key) : key_(key, &EVP_PKEY_free) {}

Ed25519Key Ed25519Key::from_pem(std::string_view pem)
{
    std::unique_ptr<BIO, decltype(&BIO_free)> const file(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    auto* const read = file ? PEM_read_bio_PrivateKey(file.get(), nullptr, &no_passphrase, nullptr) : nullptr;
    Ed25519Key key(read);
    if (read == nullptr || EVP_PKEY_get_base_id(read) != EVP_PKEY_ED25519)
        throw std::runtime_error("it has no Ed25519 private key without a passphrase; make one by `openssl "
                                 "genpkey -algorithm ed25519`");
    return key;
}

std::string Ed25519Key::sign(std::string_view message) const
{
    std::string signature(ed25519_signature_bytes, '\0');
    auto size = signature.size();
    Context const context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    bool const is_done = context &&
                         EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
                         EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                             &size, bytes_of(message), message.size()) == 1;
    if (!is_done || size != signature.size()) throw std::runtime_error("the text could not be signed");
    return signature;
}

std::string Ed25519Key::public_key() const
{
    std::string bytes(ed25519_key_bytes, '\0');
    auto size = bytes.size();
    if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
        throw std::runtime_error("the key has no public part");
    return bytes;
}

} // namespace elves
