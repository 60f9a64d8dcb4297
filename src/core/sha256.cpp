#include "elves/sha256.hpp"

#include <array>
#include <openssl/evp.h>
#include <stdexcept>

namespace elves {

Sha256::Sha256()
    : kind_(EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free)
    , context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free)
{
    if (!kind_ || !context_) throw std::runtime_error("no SHA-256");
}

std::string Sha256::hex(std::string_view bytes)
{
    begin();
    add(bytes);
    return end();
}

void Sha256::begin()
{
    if (EVP_DigestInit_ex2(context_.get(), kind_.get(), nullptr) != 1) throw std::runtime_error("no SHA-256");
}

void Sha256::add(std::string_view bytes)
{
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1)
        throw std::runtime_error("no SHA-256");
}

std::string Sha256::end()
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), &length) != 1)
        throw std::runtime_error("no SHA-256");
    std::string text(std::size_t{2} * length, '0');
    for (std::size_t i = 0; i < length; ++i) {
        text[2 * i] = "0123456789abcdef"[digest[i] >> 4U];
        text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15U];
    }
    return text;
}

} // namespace elves
