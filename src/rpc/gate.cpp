#include "rpc/gate.hpp"

namespace elves {

namespace {

std::string_view text_of(JsonValue const& auth, std::string_view field)
{
    auto const* const value = auth.find(field);
    if (!value || !value->is_string() || value->string().empty()) {
        throw Error(
            codes::no_key, "`auth." + std::string(field) + "` is missing; give key and token, both strings");
    }
    return value->string();
}

} // namespace

std::optional<Error> Gate::authorize(Caller const& caller, Method const& method) const
{
    if (caller.key && !role_may(caller.key->role, method.right)) {
        return Error(codes::forbidden, "key " + caller.key->key + " has the role " +
                                           std::string(role_text(caller.key->role)) + ", and " + method.name +
                                           " needs one with the right " +
                                           std::string(right_text(method.right)));
    }
    if (!caller.key && method.right != Right::open && !admits_without_key(*caller.peer)) {
        return Error(
            codes::no_key, method.name + " needs a key: give `auth` {key, token}, or call supervisor.login");
    }
    return std::nullopt;
}

/// An address is no proof: any user of this machine has it, and so does whatever forwards connections here.
/// It only serves to make the first admin key.
bool Gate::admits_without_key(Peer const& peer) const
{
    if (mode == AuthMode::open) return true;
    static auto const v4 = Ip::parse("127.0.0.1");
    static auto const v6 = Ip::parse("::1");
    auto const ip = peer.ip();
    return (ip == *v4 || ip == *v6) && admits_somebody_without_key();
}

bool Gate::admits_somebody_without_key() const
{
    if (mode != AuthMode::protected_) return mode == AuthMode::open;
    return !(authority && authority->has_had_admin_key());
}

std::shared_ptr<Key const> Gate::authenticate(Peer const& peer, JsonValue const& call, Right right) const
{
    auto const* const auth = call.find("auth");
    bool const given = auth && !(auth->is_string() && auth->string().empty());
    if (given) {
        if (!auth->is_object())
            throw Error(codes::no_key, "`auth` is no object; give {\"key\":…,\"token\":…}");
        auto const& fields = *auth;
        return keys().prove(text_of(fields, "key"), text_of(fields, "token"), peer.ip());
    }
    // What is open to all is open on a connection whose key is gone, too: or nobody could log in there anew.
    if (right != Right::open && !peer.bound_key().key.empty())
        return keys().still(peer.bound_key(), peer.ip());
    return peer.certified();
}

bool Gate::is_bound_to_key(Peer const& peer) const
{
    if (!authority || peer.bound_key().key.empty()) return false;
    try {
        return authority->still(peer.bound_key(), peer.ip()) != nullptr;
    } catch (Error const&) {
        return false;
    }
}

Authority& Gate::keys() const
{
    if (!authority)
        throw Error(codes::module_off, "supervisor is not enabled, so there are no keys; leave `auth` out");
    return *authority;
}

} // namespace elves
