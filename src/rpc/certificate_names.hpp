#pragma once

#include <string>
#include <vector>

#include "elves/ip.hpp"

struct x509_st;

namespace elves {

/// What a certificate is for, by its subject alternative names.
struct CertificateNames {
    std::vector<std::string> hosts; ///< As they are written there; `*.example.org` too.
    std::vector<Ip> ips;

    [[nodiscard]] static CertificateNames of(x509_st const* certificate);
};

} // namespace elves
