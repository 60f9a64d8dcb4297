#pragma once

#include <string>

#include "elves/asio.hpp"
#include "http/calls.hpp"
#include "http/http_message.hpp"
#include "http/sessions.hpp"

namespace elves::http {

/// `/session`: logs a browser in and out, and says as whom it is in. On the loop's thread; what it is given
/// outlives it.
class SessionRoute {
public:
    SessionRoute(Router const& router, Calls& calls, Sessions& sessions, std::string version)
        : router_(router), calls_(calls), sessions_(sessions), version_(std::move(version))
    {
    }

    [[nodiscard]] asio::awaitable<Reply> answer(Request request);

private:
    [[nodiscard]] asio::awaitable<Reply> log_in(Request request);
    [[nodiscard]] asio::awaitable<Reply> log_in_by_key(Request request);
    [[nodiscard]] Reply log_in_by_code(Request const& request, std::string_view code);
    [[nodiscard]] Reply log_out(Request const& request);
    [[nodiscard]] Reply begun(Request const& request, Grant grant);
    [[nodiscard]] asio::awaitable<Reply> who(Request request);

    Router const& router_;
    Calls& calls_;
    Sessions& sessions_;
    std::string version_;
};

} // namespace elves::http
