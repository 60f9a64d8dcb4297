#include "agent/link_environment.hpp"

#include "agent/registration.hpp"
#include "elves/error.hpp"

namespace elves::agent {

/// While the server is down any user of its machine can listen on its port: the agent would show it its
/// token, and run what it asks for.
asio::awaitable<std::shared_ptr<Link>> ThisMachine::dial(
    HostPort place, std::chrono::milliseconds limit, LinkShared& shared)
{
    auto const before = shared.tls ? std::vector<TcpListener>() : tcp_listeners(place.port);
    auto const port = place.port;
    auto link = co_await elves::dial(std::move(place), limit, shared);
    if (shared.tls || !link->ip().is_loopback()) co_return link;
    auto const fault = settings_.server_users.fault_of_loopback(link->ip(), port, before);
    if (!fault) co_return link;
    link->close("it is not told who listens there");
    throw Error(codes::agent_unreachable,
        "not trusted: " + *fault + "; give [agent] server_user, or [tls] ca or pin");
}

json::object ThisMachine::registration(Ip const& ip, std::string const& starttime)
{
    return agent::registration(ip, settings_, starttime);
}

} // namespace elves::agent
