#pragma once

#include <memory>

#include "elves/caller.hpp"
#include "elves/method_table.hpp"
#include "elves/services/authority.hpp"

namespace elves {

/// Who may come in without a key.
enum class AuthMode {
    protected_, ///< Callers from loopback.
    keys,       ///< Nobody.
    open,       ///< Anybody who reaches the port.
};

/// Finds out who asks, and whether he may ask for that method at all. What he may touch is judged field by
/// field, when the fields are read.
class Gate {
public:
    AuthMode mode = AuthMode::open;
    Authority* authority = nullptr; ///< Null: there are no keys.

    /// Throws Error 401.x.
    [[nodiscard]] Caller admit(std::shared_ptr<Peer> peer, JsonValue const& call, Method const& method) const;

    /// Whether `peer` needs no key, for what it is or where it is.
    [[nodiscard]] bool lets_in_without_key(Peer const& peer) const;

private:
    [[nodiscard]] std::shared_ptr<Key const> key_of(
        Peer const& peer, JsonValue const& call, Right right) const;
    [[nodiscard]] Authority& keys() const;
};

} // namespace elves
