#include "elves/secret.hpp"

#include <algorithm>
#include <array>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdexcept>

#include "elves/base64.hpp"

namespace elves {

std::string sha256_hex(std::string_view bytes)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("no SHA-256");
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4U];
        text += "0123456789abcdef"[digest[i] & 15U];
    }
    return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string fingerprint(std::string_view sha256_hex)
{
    constexpr std::size_t groups = 6;
    constexpr std::size_t digits = 4;
    std::string text;
    for (std::size_t i = 0; i < groups; ++i) {
        if (i != 0) text += '-';
        text += sha256_hex.substr(i * digits, digits);
    }
    return text;
}

std::string new_token()
{
    constexpr std::size_t bytes = 32;
    return "elv_" + random_token(bytes);
}

std::string random_token(std::size_t bytes)
{
    std::string random(bytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(bytes)) != 1)
        throw std::runtime_error("no secure random source for tokens");
    auto text = base64(random);
    OPENSSL_cleanse(random.data(), random.size());
    text.resize(std::min(text.find('='), text.size()));
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

JoinTokenText JoinTokenText::parse(std::string_view text)
{
    auto const dot = text.find('.');
    if (dot == std::string_view::npos) return {std::string(text), {}};
    auto const pin = text.substr(dot + 1);
    // A token that was cut behind its dot has a fingerprint that is malformed, not none.
    return {std::string(text.substr(0, dot)), pin.empty() ? "." : std::string(pin)};
}

} // namespace elves
