#include "rpc/openssl_text.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string_view>

namespace elves {

std::string openssl_error()
{
    auto const code = ERR_peek_last_error();
    auto const first = ERR_peek_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    // A file that can't be opened: the first entry has the system's reason.
    if (ERR_SYSTEM_ERROR(first)) return std::strerror(ERR_GET_REASON(first));
    auto const* const reason = ERR_reason_error_string(code);
    return reason ? reason : "OpenSSL error " + std::to_string(code);
}

std::string fingerprint_of(x509_st const* certificate)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (!certificate || X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return "";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[digest[i] >> 4U];
        text += digits[digest[i] & 15U];
    }
    return text;
}

Instant end_of(x509_st const* certificate)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
    return Instant(std::chrono::seconds(::timegm(&parts)));
}

} // namespace elves
