#include "ctl/certificates.hpp"

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

#include "elves/ip.hpp"
#include "rpc/openssl_text.hpp"

namespace elves::ctl {

namespace {

template <auto free>
struct Free {
    template <class T>
    void operator()(T* thing) const noexcept
    {
        free(thing);
    }
};
using Certificate = std::unique_ptr<X509, Free<&X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<&X509_EXTENSION_free>>;
using File = std::unique_ptr<std::FILE, Free<&std::fclose>>;

struct Signer {
    Certificate certificate;
    PrivateKey key;
};

void require(bool done, std::string const& what)
{
    if (!done) throw std::runtime_error(what + ": " + openssl_error());
}

PrivateKey new_key()
{
    PrivateKey key(EVP_EC_gen("P-256"));
    require(key != nullptr, "cannot make a private key");
    return key;
}

/// With a random serial number of 127 bits, valid from an hour ago: clocks differ.
Certificate new_certificate(std::string const& name, EVP_PKEY* key, std::chrono::days life)
{
    constexpr long hour = 3600;
    Certificate made(X509_new());
    std::unique_ptr<BIGNUM, Free<&BN_free>> const serial(BN_new());
    require(made && serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made.get())),
        "cannot make a serial number");
    auto* const subject = X509_get_subject_name(made.get());
    auto const* const text = reinterpret_cast<unsigned char const*>(name.data());
    require(
        X509_set_version(made.get(), X509_VERSION_3) == 1 && X509_set_pubkey(made.get(), key) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour) &&
            X509_time_adj_ex(X509_getm_notAfter(made.get()), static_cast<int>(life.count()), 0, nullptr) &&
            X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_UTF8, text, static_cast<int>(name.size()), -1, 0) == 1,
        "cannot make a certificate for " + name);
    return made;
}

void extend(X509* certificate, X509* issuer, int nid, std::string const& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    Extension const extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1,
        "cannot put \"" + value + "\" into a certificate");
}

File open_new(std::string const& path, mode_t mode)
{
    auto const descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) {
        auto const why = errno == EEXIST
                             ? "it is there already; choose another folder or name, or move it away"
                             : std::generic_category().message(errno);
        throw std::runtime_error("cannot write " + path + ": " + why);
    }
    return File(::fdopen(descriptor, "w"));
}

File open_old(std::string const& path)
{
    File file(std::fopen(path.c_str(), "re"));
    if (!file)
        throw std::runtime_error("cannot read " + path + ": " + std::generic_category().message(errno) +
                                 "; elvesctl tls init makes it");
    return file;
}

void write(std::string const& folder, std::string const& name, X509* certificate, EVP_PKEY* key)
{
    auto const key_path = folder + "/" + name + "-key.pem";
    auto const path = folder + "/" + name + ".pem";
    auto const key_file = open_new(key_path, 0600);
    auto const file = open_new(path, 0644);
    require(PEM_write_PrivateKey(key_file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
                std::fflush(key_file.get()) == 0,
        "cannot write " + key_path);
    require(
        PEM_write_X509(file.get(), certificate) == 1 && std::fflush(file.get()) == 0, "cannot write " + path);
}

Signer read_ca(std::string const& folder)
{
    auto const path = folder + "/ca.pem";
    auto const key_path = folder + "/ca-key.pem";
    Signer ca{Certificate(PEM_read_X509(open_old(path).get(), nullptr, nullptr, nullptr)),
        PrivateKey(PEM_read_PrivateKey(open_old(key_path).get(), nullptr, nullptr, nullptr))};
    require(ca.certificate != nullptr, path + " is no certificate");
    require(ca.key && X509_check_private_key(ca.certificate.get(), ca.key.get()) == 1,
        key_path + " is not the key of " + path);
    return ca;
}

std::string alternative_names(std::vector<std::string> const& hosts)
{
    std::string names;
    for (auto const& host : hosts) {
        auto const ip = Ip::parse(host);
        // In this language of OpenSSL's, commas and colons mean something.
        if (!ip && (host.empty() || host.find_first_of(",:; \t") != std::string::npos))
            throw std::runtime_error("\"" + host + "\" is neither a host's name nor an address");
        names += (names.empty() ? "" : ",") + (ip ? "IP:" + ip->text() : "DNS:" + host);
    }
    return names;
}

} // namespace

void make_ca(std::string const& folder, std::chrono::days life)
{
    std::filesystem::create_directories(folder);
    auto const key = new_key();
    auto const made = new_certificate("Elves CA", key.get(), life);
    X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
    extend(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(made.get(), made.get(), NID_subject_key_identifier, "hash");
    require(X509_sign(made.get(), key.get(), EVP_sha256()) > 0, "cannot sign the CA");
    write(folder, "ca", made.get(), key.get());
}

std::string make_certificate(std::string const& folder, std::string const& name,
    std::vector<std::string> const& hosts, CertificateFor purpose, std::chrono::days life)
{
    auto const ca = read_ca(folder);
    auto const key = new_key();
    auto const made = new_certificate(hosts.front(), key.get(), life);
    auto* const issuer = ca.certificate.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    extend(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
    extend(made.get(), issuer, NID_key_usage, "critical,digitalSignature");
    extend(made.get(), issuer, NID_ext_key_usage,
        purpose == CertificateFor::server ? "serverAuth" : "clientAuth");
    extend(made.get(), issuer, NID_authority_key_identifier, "keyid");
    extend(made.get(), issuer, NID_subject_alt_name, alternative_names(hosts));
    require(X509_sign(made.get(), ca.key.get(), EVP_sha256()) > 0, "cannot sign the certificate of " + name);
    write(folder, name, made.get(), key.get());
    return fingerprint_of(made.get());
}

} // namespace elves::ctl
