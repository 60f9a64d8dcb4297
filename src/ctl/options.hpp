#pragma once

#include "ctl/command.hpp"

namespace elves::ctl {

/// The parts of a session that options of all commands say. Each throws Usage where they are contradictory or
/// name what does not exist.
[[nodiscard]] std::optional<Credentials> credentials_of(Args const& options);
[[nodiscard]] Destination server_of(Args const& options);
[[nodiscard]] ShowsSecrets shows_of(Args const& options);
/// Null where nothing says whom to trust: plain text. TLS without trust there is none.
[[nodiscard]] std::shared_ptr<TlsContext const> tls_of(Args const& options);
/// The options that reach the same server, to be shown: ` --server HOST:PORT`; see `Context::connection`.
[[nodiscard]] std::string connection_of(Args const& options);

} // namespace elves::ctl
