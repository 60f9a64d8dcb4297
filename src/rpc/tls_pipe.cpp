#include "rpc/tls_pipe.hpp"

#include <algorithm>
#include <array>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdexcept>

#include "rpc/certificate_names.hpp"
#include "rpc/openssl_text.hpp"

namespace elves {

namespace {

constexpr std::size_t record_bytes = 16 * 1024; // of one TLS record's text
/// A handshake with a long chain of certificates is below this; OpenSSL itself takes 100 KiB of chain.
constexpr std::size_t max_handshake_bytes = 128 * 1024;
/// TLS 1.3 lets either side ask for new keys at any time, which costs us far more than it costs the sender.
/// Programs that mean well do so once in gigabytes.
constexpr std::size_t key_updates_at_once = 16;
constexpr std::size_t bytes_a_key_update = 1024 * 1024;
/// What OpenSSL allocates (measured with 3.0: 40 KiB for a handshake, a buffer of a record's size for part of
/// one).
constexpr std::size_t handshake_memory = 40 * 1024;
constexpr std::size_t record_memory = 17 * 1024;

std::string common_name(X509 const* certificate)
{
    std::array<char, 256> name{};
    auto const size = X509_NAME_get_text_by_NID(
        X509_get_subject_name(certificate), NID_commonName, name.data(), static_cast<int>(name.size()));
    return size > 0 ? std::string(name.data(), static_cast<std::size_t>(size)) : std::string();
}

} // namespace

void TlsPipe::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

TlsPipe::TlsPipe(std::shared_ptr<TlsContext const> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->native()))
{
    auto* const in = BIO_new(BIO_s_mem());
    auto* const out = BIO_new(BIO_s_mem());
    if (!ssl_ || !in || !out) throw std::bad_alloc();
    SSL_set_bio(ssl_.get(), in, out);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_msg_callback(ssl_.get(), &TlsPipe::on_message);
    SSL_set_msg_callback_arg(ssl_.get(), this);
    SSL_set_accept_state(ssl_.get());
}

TlsPipe::TlsPipe(std::shared_ptr<TlsContext const> context, std::string const& host)
    : TlsPipe(std::move(context))
{
    auto* const ssl = ssl_.get();
    SSL_set_connect_state(ssl);
    auto* const wanted = SSL_get0_param(ssl);
    bool const is_address = Ip::parse(host).has_value();
    auto const known = is_address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
                                  : X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
    if (known != 1 || (!is_address && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1))
        throw std::runtime_error("TLS cannot be asked for " + host);
    std::string none;
    advance(none); // says hello
}

TlsPipe::~TlsPipe() = default;

void TlsPipe::receive(std::string_view wire, std::string& text)
{
    text.clear();
    if (!fault_.empty() || finished_) return;
    auto* const in = SSL_get_rbio(ssl_.get());
    std::size_t taken = 0;
    if (BIO_write_ex(in, wire.data(), wire.size(), &taken) != 1 || taken != wire.size())
        throw std::bad_alloc();
    received_ += wire.size();
    advance(text);
}

void TlsPipe::advance(std::string& text)
{
    while (!ready_) {
        ERR_clear_error();
        ready_ = note_result(SSL_do_handshake(ssl_.get()));
        limit_work();
        if (!ready_ && (!fault_.empty() || finished_ || !has_more_input())) return;
    }
    read(text);
}

/// Appends what the records say to `text`, whose size is that of a record more meanwhile: growing it fills it
/// with zeros, which must not happen for each of many small records.
void TlsPipe::read(std::string& text)
{
    auto used = text.size();
    bool has_more = true;
    while (has_more && fault_.empty() && !finished_) {
        text.resize(std::max(text.size(), used + record_bytes));
        std::size_t size = 0;
        ERR_clear_error();
        bool const has_read = note_result(SSL_read_ex(ssl_.get(), text.data() + used, record_bytes, &size));
        used += size;
        limit_work();
        // OpenSSL returns after each record that carries no text, so that it is counted before the next.
        has_more = has_read || has_more_input();
    }
    text.resize(used);
}

bool TlsPipe::has_more_input() const noexcept { return BIO_ctrl_pending(SSL_get_rbio(ssl_.get())) > 0; }

/// Ends the connection of a peer that makes us work for nothing.
void TlsPipe::limit_work()
{
    if (!fault_.empty()) return;
    if (!ready_ && received_ > max_handshake_bytes) fault_ = "TLS: the handshake is over 128 KiB";
    if (key_updates_ > key_updates_at_once + received_ / bytes_a_key_update)
        fault_ = "TLS: too many key updates (" + std::to_string(key_updates_) + " in " +
                 std::to_string(received_) + " bytes)";
}

void TlsPipe::on_message(int is_ours, int /*version*/, int content, void const* bytes, std::size_t size,
    ssl_st* /*ssl*/, void* self)
{
    bool const is_key_update = is_ours == 0 && content == SSL3_RT_HANDSHAKE && size > 0 &&
                               *static_cast<unsigned char const*>(bytes) == SSL3_MT_KEY_UPDATE;
    if (is_key_update) ++static_cast<TlsPipe*>(self)->key_updates_;
}

std::size_t TlsPipe::unsent() const noexcept { return BIO_ctrl_pending(SSL_get_wbio(ssl_.get())); }

std::size_t TlsPipe::held() const noexcept
{
    if (!ready_) return handshake_memory;
    return SSL_has_pending(ssl_.get()) == 1 ? record_memory : 0;
}

/// True where OpenSSL could do it; false where it wants more from the wire, or can't go on.
bool TlsPipe::note_result(int result)
{
    if (result == 1) return true;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_ZERO_RETURN:
        finished_ = true;
        break;
    default:
        fault_ = reason();
        break;
    }
    return false;
}

std::string TlsPipe::reason() const
{
    auto const verdict = SSL_get_verify_result(ssl_.get());
    auto const said = openssl_error();
    if (verdict == X509_V_OK) return "TLS: " + said;
    auto const* const why = verdict == X509_V_ERR_CERT_UNTRUSTED ? "it is not the pinned one"
                                                                 : X509_verify_cert_error_string(verdict);
    return "TLS: the certificate shown is not trusted: " + std::string(why) + "; its fingerprint is " +
           shown_;
}

bool TlsPipe::send(std::string_view text)
{
    if (!fault_.empty()) return false;
    std::size_t written = 0;
    ERR_clear_error();
    if (text.empty() || SSL_write_ex(ssl_.get(), text.data(), text.size(), &written) == 1) return true;
    fault_ = reason();
    return false;
}

void TlsPipe::to_wire(std::string& wire)
{
    auto* const out = SSL_get_wbio(ssl_.get());
    auto const size = BIO_ctrl_pending(out);
    if (size == 0) return;
    auto const before = wire.size();
    wire.resize(before + size);
    std::size_t got = 0;
    BIO_read_ex(out, wire.data() + before, size, &got);
    wire.resize(before + got);
}

void TlsPipe::finish()
{
    ERR_clear_error();
    if (ready_ && fault_.empty()) SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

TlsPeer TlsPipe::peer() const
{
    TlsPeer peer;
    auto const* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (!certificate || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return peer;
    peer.name = common_name(certificate);
    peer.until = end_of(certificate);
    peer.ips = CertificateNames::of(certificate).ips;
    return peer;
}

} // namespace elves
