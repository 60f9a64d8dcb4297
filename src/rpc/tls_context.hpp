#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "elves/zone.hpp"
#include "rpc/certificate_names.hpp"

struct ssl_ctx_st;
struct x509_store_ctx_st;

namespace elves {

/// A file or value that TLS can't be made with. `what` says what is wrong and what would be right.
class TlsError : public std::runtime_error {
public:
    TlsError(std::string setting, std::string const& why)
        : std::runtime_error(why), setting_(std::move(setting))
    {
    }
    /// `cert`, `key`, `client_ca`, `ca` or `pin`.
    [[nodiscard]] std::string const& setting() const noexcept { return setting_; }

private:
    std::string setting_;
};

/// Who we are, in PEM files. The certificate may be followed by those that it was signed with.
struct TlsIdentity {
    std::string cert;
    std::string key;
};

/// Whom a client takes for its server. One of the two has to be given; where both are, both have to hold.
struct TlsTrust {
    std::string ca; ///< A PEM file: whoever is signed by these, for the name or address dialed.
    std::vector<std::string> pins; ///< SHA-256 of certificates in hex, colons or none: only these.
};

/// What TLS connections are made with: 1.2 or newer, with forward secrecy. Immutable; connections keep what
/// they were made with. On any thread.
class TlsContext {
public:
    /// `client_ca`: a PEM file; who shows a certificate has to have one that is signed by these. "": nobody
    /// is asked for one. Throws TlsError.
    [[nodiscard]] static std::shared_ptr<TlsContext const> for_server(
        TlsIdentity const& identity, std::string const& client_ca);
    /// `identity` may be empty. Throws TlsError.
    [[nodiscard]] static std::shared_ptr<TlsContext const> for_client(
        TlsTrust const& trust, TlsIdentity const& identity);

    [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }
    [[nodiscard]] bool is_server() const noexcept { return is_server_; }
    /// SHA-256 of our own certificate, in hex; "" without one.
    [[nodiscard]] std::string const& fingerprint() const noexcept { return fingerprint_; }
    /// What our own certificate is for; nothing without one.
    [[nodiscard]] CertificateNames const& names() const noexcept { return names_; }
    /// When our own certificate ends. Only of one that has one.
    [[nodiscard]] Instant until() const noexcept { return until_; }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    explicit TlsContext(bool is_server);
    void identify(TlsIdentity const& identity);
    void trust(TlsTrust const& trust);
    static int verify(x509_store_ctx_st* chain, void* self);

    std::unique_ptr<ssl_ctx_st, Free> context_;
    bool is_server_;
    bool has_ca_ = false;
    std::vector<std::string> pins_; ///< Lower-case hex.
    std::string fingerprint_;
    CertificateNames names_;
    Instant until_{};
};

/// In lower-case hex without colons; "" where `text` is no SHA-256.
[[nodiscard]] std::string plain_fingerprint(std::string_view text);

} // namespace elves
