#include "rpc/certificate_names.hpp"

#include <array>
#include <optional>

#include <arpa/inet.h>
#include <openssl/x509v3.h>

namespace elves {

namespace {

std::optional<Ip> ip_in(GENERAL_NAME const& name)
{
    if (name.type != GEN_IPADD) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> text{};
    auto const family = name.d.iPAddress->length == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && name.d.iPAddress->length != 16) return std::nullopt;
    inet_ntop(family, name.d.iPAddress->data, text.data(), static_cast<socklen_t>(text.size()));
    return Ip::parse(text.data());
}

std::string host_in(GENERAL_NAME const& name)
{
    if (name.type != GEN_DNS) return "";
    auto const* const text = name.d.dNSName;
    return {reinterpret_cast<char const*>(ASN1_STRING_get0_data(text)),
        static_cast<std::size_t>(ASN1_STRING_length(text))};
}

} // namespace

CertificateNames CertificateNames::of(x509_st const* certificate)
{
    CertificateNames all;
    auto* const names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        auto const& name = *sk_GENERAL_NAME_value(names, i);
        if (auto const ip = ip_in(name)) all.ips.push_back(*ip);
        if (auto host = host_in(name); !host.empty()) all.hosts.push_back(std::move(host));
    }
    GENERAL_NAMES_free(names);
    return all;
}

} // namespace elves
