#pragma once

#include <memory>

#include "elves/settings.hpp"
#include "rpc/tls_context.hpp"

namespace elves {

/// A server's `[tls] cert, key, client_ca`; null where no certificate is given. Throws SettingsError.
[[nodiscard]] std::shared_ptr<TlsContext const> tls_of_server(Section const& tls);
/// A client's `[tls] ca, pin, cert, key`; null where none is given: it speaks in plain text. Throws
/// SettingsError.
[[nodiscard]] std::shared_ptr<TlsContext const> tls_of_client(Section const& tls);

} // namespace elves
