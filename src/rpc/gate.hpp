#pragma once

#include <memory>
#include <optional>

#include "elves/caller.hpp"
#include "elves/method_table.hpp"
#include "elves/services/authority.hpp"

namespace elves {

/// Who may come in without a key.
enum class AuthMode {
    protected_, ///< 127.0.0.1 and ::1, until the first admin key exists.
    keys,       ///< Nobody.
    open,       ///< Anybody who reaches the port.
};

/// Authenticates callers, and checks whether they may call a method at all. What they may touch is checked
/// field by field, when the fields are read.
class Gate {
public:
    AuthMode mode = AuthMode::open;
    Authority* authority = nullptr; ///< Null: there are no keys.

    /// The key that proves who calls: of its own `auth`, of its connection, or what the connection's
    /// certificate or Unix credentials stand for. Null: nobody in particular. Throws Error 401.1 or 401.5
    /// where a key was claimed and is not proven.
    [[nodiscard]] std::shared_ptr<Key const> authenticate(
        Peer const& peer, JsonValue const& call, Right right) const;
    /// Error 401.1 or 401.6 where that caller may not call that method at all.
    [[nodiscard]] std::optional<Error> authorize(Caller const& caller, Method const& method) const;

    /// Whether `peer` may do everything without a key, for where it is.
    [[nodiscard]] bool admits_without_key(Peer const& peer) const;
    /// Whether there are places from which nobody needs a key.
    [[nodiscard]] bool admits_somebody_without_key() const;
    /// Whether `supervisor.login` bound the connection to a key that counts now.
    [[nodiscard]] bool is_bound_to_key(Peer const& peer) const;

private:
    [[nodiscard]] Authority& keys() const;
};

} // namespace elves
