#include "server/dialer.hpp"

#include "client/dial.hpp"

namespace elves {

asio::awaitable<Back> LinkDialer::call(std::string host, std::uint16_t port, std::string service,
    std::string method, json::object fields, std::chrono::milliseconds limit)
{
    HostPort to{std::move(host), port};
    auto const link = co_await dial(std::move(to), limit, shared_);
    Back back;
    std::exception_ptr failure;
    try {
        back = co_await link->call(service, method, fields, limit);
    } catch (...) {
        failure = std::current_exception();
    }
    link->close("it was for one call");
    if (failure) std::rethrow_exception(failure);
    co_return back;
}

} // namespace elves
