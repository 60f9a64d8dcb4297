#pragma once

#include <string>

#include "elves/zone.hpp"

struct x509_st;

namespace elves {

/// What OpenSSL says went wrong last on this thread, and forgets it.
[[nodiscard]] std::string openssl_error();
/// SHA-256 of a certificate, in lower-case hex: what `openssl x509 -fingerprint -sha256` shows.
[[nodiscard]] std::string fingerprint_of(x509_st const* certificate);
/// When it is good no longer; 1970 where that can't be read.
[[nodiscard]] Instant end_of(x509_st const* certificate);

} // namespace elves
