#include "client/tls_settings.hpp"

namespace elves {

std::shared_ptr<TlsContext const> tls_of_server(Section const& tls)
{
    TlsIdentity const identity{tls.text("cert", ""), tls.text("key", "")};
    auto const client_ca = tls.text("client_ca", "");
    if (identity.cert.empty() && identity.key.empty()) {
        if (!client_ca.empty()) tls.refuse("client_ca", "it needs cert and key, too");
        return nullptr;
    }
    try {
        return TlsContext::for_server(identity, client_ca);
    } catch (TlsError const& problem) {
        tls.refuse(problem.setting(), problem.what());
    }
}

std::shared_ptr<TlsContext const> tls_of_client(Section const& tls)
{
    TlsTrust const trust{tls.text("ca", ""), tls.list("pin", {})};
    TlsIdentity const identity{tls.text("cert", ""), tls.text("key", "")};
    bool const wanted =
        !trust.ca.empty() || !trust.pins.empty() || !identity.cert.empty() || !identity.key.empty();
    if (!wanted) return nullptr;
    try {
        return TlsContext::for_client(trust, identity);
    } catch (TlsError const& problem) {
        tls.refuse(problem.setting(), problem.what());
    }
}

} // namespace elves
