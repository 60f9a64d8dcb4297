#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace elves::ctl {

/// What a certificate is for; each is refused as the other.
enum class CertificateFor { server, agent };

/// Makes a CA: `ca.pem` and its key `ca-key.pem` in `folder`, which is made. Throws std::runtime_error, and
/// overwrites nothing. All keys are EC P-256, readable for their owner only.
void make_ca(std::string const& folder, std::chrono::days life);

/// Makes NAME.pem and NAME-key.pem in `folder`, signed by the CA there, for `hosts`: names and addresses.
/// Returns the certificate's fingerprint. Throws std::runtime_error, and overwrites nothing.
[[nodiscard]] std::string make_certificate(std::string const& folder, std::string const& name,
    std::vector<std::string> const& hosts, CertificateFor purpose, std::chrono::days life);

} // namespace elves::ctl
