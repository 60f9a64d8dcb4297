#include "rpc/tls_context.hpp"

#include <algorithm>
#include <cctype>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "rpc/openssl_text.hpp"
#include "rpc/pem_file.hpp"
#include "rpc/tls_pipe.hpp"

namespace elves {

namespace {

/// The key file is a secret: others than its owner and group must not read it.
void require_private(std::string const& path)
{
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0 || (found.st_mode & 07U) == 0) return;
    throw TlsError("key", path + " can be read by everybody on this machine; chmod 600 " + path);
}

/// In place of OpenSSL's own, which would ask whoever sits at the terminal, and wait for him.
int no_passphrase(char*, int, int, void*) { return 0; }

TlsError unusable(std::string const& setting, std::string const& path, std::string const& right)
{
    return {setting, "cannot use " + path + ": " + openssl_error() + "; " + right};
}

} // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

TlsContext::TlsContext(bool is_server)
    : context_(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method())), is_server_(is_server)
{
    auto* const context = context_.get();
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        throw std::runtime_error("no TLS: " + openssl_error());
    // Links live for days: nothing to gain from sessions that are kept, and something to lose.
    SSL_CTX_set_options(context,
        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // TlsPipe counts records that carry no text: it has to hear of each.
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_cert_verify_callback(context, &TlsContext::verify, this);
}

std::shared_ptr<TlsContext const> TlsContext::for_server(
    TlsIdentity const& identity, std::string const& client_ca)
{
    std::shared_ptr<TlsContext> made(new TlsContext(true));
    made->identify(identity);
    if (client_ca.empty()) return made;
    auto* const context = made->context_.get();
    PemFile const file(client_ca);
    auto* const names = SSL_load_client_CA_file(file.path());
    if (!names || SSL_CTX_load_verify_locations(context, file.path(), nullptr) != 1)
        throw unusable("client_ca", client_ca, "give a PEM file of certificates");
    SSL_CTX_set_client_CA_list(context, names);
    made->has_ca_ = true;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    return made;
}

std::shared_ptr<TlsContext const> TlsContext::for_client(TlsTrust const& trust, TlsIdentity const& identity)
{
    std::shared_ptr<TlsContext> made(new TlsContext(false));
    made->trust(trust);
    if (!identity.cert.empty() || !identity.key.empty()) made->identify(identity);
    SSL_CTX_set_verify(made->context_.get(), SSL_VERIFY_PEER, nullptr);
    return made;
}

void TlsContext::identify(TlsIdentity const& identity)
{
    if (identity.cert.empty()) throw TlsError("cert", "it is missing; cert and key go together");
    if (identity.key.empty()) throw TlsError("key", "it is missing; cert and key go together");
    auto* const context = context_.get();
    PemFile const cert(identity.cert);
    if (SSL_CTX_use_certificate_chain_file(context, cert.path()) != 1)
        throw unusable("cert", identity.cert, "give a PEM file of a certificate");
    require_private(identity.key);
    PemFile const key(identity.key);
    if (SSL_CTX_use_PrivateKey_file(context, key.path(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        throw unusable("key", identity.key,
            "give the PEM file of the private key of " + identity.cert + ", without a passphrase");
    auto* const certificate = SSL_CTX_get0_certificate(context);
    fingerprint_ = fingerprint_of(certificate);
    names_ = CertificateNames::of(certificate);
    until_ = end_of(certificate);
}

void TlsContext::trust(TlsTrust const& trust)
{
    if (trust.ca.empty() && trust.pins.empty())
        throw TlsError(
            "ca", "neither ca nor pin is given; without one of them no server can be told from another");
    for (auto const& pin : trust.pins) {
        pins_.push_back(plain_fingerprint(pin));
        if (pins_.back().empty())
            throw TlsError("pin",
                "\"" + pin + "\" is no fingerprint; give the 64 hex digits of a certificate's SHA-256");
    }
    if (trust.ca.empty()) return;
    PemFile const ca(trust.ca);
    if (SSL_CTX_load_verify_locations(context_.get(), ca.path(), nullptr) != 1)
        throw unusable("ca", trust.ca, "give a PEM file of certificates");
    has_ca_ = true;
}

int TlsContext::verify(x509_store_ctx_st* chain, void* self)
{
    auto const& context = *static_cast<TlsContext const*>(self);
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto const fingerprint = fingerprint_of(X509_STORE_CTX_get0_cert(chain));
    static_cast<TlsPipe*>(SSL_get_app_data(ssl))->note_shown(fingerprint);
    auto const& pins = context.pins_;
    if (!pins.empty() && std::find(pins.begin(), pins.end(), fingerprint) == pins.end()) {
        X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_UNTRUSTED);
        return 0;
    }
    return context.has_ca_ ? X509_verify_cert(chain) : 1;
}

std::string plain_fingerprint(std::string_view text)
{
    constexpr std::size_t digits = 64;
    std::string plain;
    for (auto const c : text) {
        if (c == ':') continue;
        if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return "";
        plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return plain.size() == digits ? plain : "";
}

} // namespace elves
