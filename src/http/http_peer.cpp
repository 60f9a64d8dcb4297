#include "http/http_peer.hpp"

namespace elves::http {

asio::awaitable<Back> HttpPeer::call(
    std::string_view, std::string_view, json::object const&, std::chrono::milliseconds)
{
    throw Error(codes::agent_unreachable, "who asks over HTTP cannot be called");
    co_return Back();
}

} // namespace elves::http
