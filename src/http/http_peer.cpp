#include "http/http_peer.hpp"

namespace elves::http {

namespace {

Error not_callable() { return {codes::agent_unreachable, "who asks over HTTP cannot be called"}; }

} // namespace

asio::awaitable<Back> HttpPeer::call(
    std::string_view, std::string_view, json::object const&, std::chrono::milliseconds)
{
    throw not_callable();
    co_return Back();
}

void HttpPeer::call(
    std::string_view, std::string_view, std::string_view, std::chrono::milliseconds, OnBack then)
{
    std::move(then)(std::make_exception_ptr(not_callable()), Back());
}

} // namespace elves::http
