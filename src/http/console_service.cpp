#include "http/console_service.hpp"

#include <utility>

#include "elves/services/authority.hpp"
#include "rpc/gate.hpp"

namespace elves::http {

namespace {

/// Whom no key stands for: he may do everything, for where he is.
std::shared_ptr<Key const> keyless_admin(Peer const& peer)
{
    Key key;
    key.key = "console:" + peer.ip().text();
    key.name = "without a key";
    key.role = Role::admin;
    key.apps = {"*"};
    key.ips = {IpRange::parse("*").value()};
    return std::make_shared<Key const>(std::move(key));
}

} // namespace

/// The session is as good as the call is: of the same key, or of the same person at this machine.
Grant ConsoleService::grant_of(Caller const& caller) const
{
    Grant grant;
    if (!caller.key) {
        grant.local = keyless_admin(*caller.peer);
        grant.needs_keyless = true;
        return grant;
    }
    auto bound = gate_.authority ? gate_.authority->bound_to(caller.key->key) : std::nullopt;
    if (bound) {
        grant.key = std::move(*bound);
    } else if (caller.peer->address().starts_with("unix:")) {
        grant.local = caller.key;
    } else {
        throw Error(codes::forbidden, "a certificate of an agent is no key for the console");
    }
    return grant;
}

void ConsoleService::declare(MethodTable& table)
{
    table
        .call<Nothing>("newlink", Right::own, {},
            "A link that logs one browser in to the console, once, within a minute.",
            [this](Nothing, Caller const& caller) { return new_link(caller); })
        .audited_by_rate();
}

elves::Reply ConsoleService::new_link(Caller const& caller)
{
    auto const address = address_();
    if (address.empty())
        throw Error(codes::module_off,
            "this server has no console; [http] listen in elves.conf would have to name its port");
    auto const code = sessions_.new_code(grant_of(caller));
    return {{"link", address + "/console/#code=" + code},
        {"ttl", std::to_string(std::chrono::seconds(Sessions::code_limit).count())}};
}

} // namespace elves::http
