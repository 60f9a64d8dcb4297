#include "client/resolve.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <thread>
#include <utility>

#include "elves/one_shot.hpp"

namespace elves {

namespace {

using boost::asio::ip::tcp;

constexpr std::size_t most_threads = 16;
constexpr std::size_t most_waiting = 10'000;
/// Of one name: more would not be tried in time.
constexpr std::size_t most_places = 32;

using Resolver = std::function<ResolvedName(std::string const&, std::uint16_t)>;

/// By a lock: a look-up of a test before may still go on.
struct TestResolver {
    std::mutex guard;
    std::shared_ptr<Resolver const> resolver;

    static TestResolver& of_process()
    {
        static auto* const one = new TestResolver;
        return *one;
    }
};

tcp::endpoint endpoint_of(sockaddr const& address, std::size_t size)
{
    tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), &address, std::min(size, endpoint.capacity()));
    endpoint.resize(size);
    return endpoint;
}

ResolvedName look_up(std::string const& host, std::uint16_t port)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* all = nullptr;
    auto const failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &all);
    if (failure != 0) return {{}, std::string("the name cannot be resolved: ") + ::gai_strerror(failure)};
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owner(all, &::freeaddrinfo);
    ResolvedName found;
    for (auto const* at = all; at != nullptr && found.places.size() < most_places; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
        auto const place = endpoint_of(*at->ai_addr, at->ai_addrlen);
        auto const known = std::find(found.places.begin(), found.places.end(), place);
        if (known == found.places.end()) found.places.push_back(place);
    }
    if (found.places.empty()) found.fault = "the name has no address";
    return found;
}

/// One look-up. Shared by who waits for it and by the thread that makes it; the latter may outlive the loop.
struct Request {
    Request(LoopExecutor loop_, std::string host_, std::uint16_t port_)
        : loop(std::move(loop_)), host(std::move(host_)), port(port_)
    {
    }
    LoopExecutor loop;
    std::string const host;
    std::uint16_t const port;
    OneShot<ResolvedName> found; ///< The loop's.
    std::mutex guard;
    bool is_abandoned = false; ///< By `guard`. Nobody waits, and the loop may be gone.
};

/// The threads that look names up. Never destroyed: one that hangs would hold up the end of the program.
class LookUps {
public:
    static LookUps& of_process()
    {
        static auto* const all = new LookUps;
        return *all;
    }

    /// False: too many wait.
    bool add(std::shared_ptr<Request> request)
    {
        std::lock_guard const lock(guard_);
        if (waiting_.size() >= most_waiting) return false;
        waiting_.push_back(std::move(request));
        if (threads_ == most_threads) return true;
        std::thread([this] { work(); }).detach();
        ++threads_;
        return true;
    }

private:
    std::shared_ptr<Request> next()
    {
        std::lock_guard const lock(guard_);
        if (waiting_.empty()) {
            --threads_;
            return nullptr;
        }
        auto request = std::move(waiting_.front());
        waiting_.pop_front();
        return request;
    }

    void work()
    {
        while (auto const request = next()) {
            {
                std::lock_guard const lock(request->guard);
                if (request->is_abandoned) continue;
            }
            auto found = resolve_now(request->host, request->port);
            std::lock_guard const lock(request->guard);
            if (request->is_abandoned) continue;
            asio::post(request->loop,
                [request, found = std::move(found)]() mutable { request->found.set(std::move(found)); });
        }
    }

    std::mutex guard_;
    std::deque<std::shared_ptr<Request>> waiting_;
    std::size_t threads_ = 0;
};

} // namespace

void set_resolver_for_tests(Resolver resolver)
{
    auto& one = TestResolver::of_process();
    std::lock_guard const lock(one.guard);
    one.resolver = resolver ? std::make_shared<Resolver const>(std::move(resolver)) : nullptr;
}

ResolvedName resolve_now(std::string const& host, std::uint16_t port)
{
    boost::system::error_code is_name;
    auto const address = boost::asio::ip::make_address(host, is_name);
    if (!is_name) return {{tcp::endpoint(address, port)}, {}};
    auto& one = TestResolver::of_process();
    std::unique_lock lock(one.guard);
    auto const resolver = one.resolver;
    lock.unlock();
    return resolver ? (*resolver)(host, port) : look_up(host, port);
}

asio::awaitable<ResolvedName> resolve(
    std::string host, std::uint16_t port, std::chrono::milliseconds limit, Clock& clock)
{
    boost::system::error_code is_name;
    static_cast<void>(boost::asio::ip::make_address(host, is_name));
    if (!is_name) co_return resolve_now(host, port);
    auto const loop = co_await asio::this_coro::executor;
    auto const request = std::make_shared<Request>(loop, std::move(host), port);
    struct Abandon {
        Request& request;
        ~Abandon()
        {
            std::lock_guard const lock(request.guard);
            request.is_abandoned = true;
        }
    } const abandon{*request};
    ResolvedName failed{{}, "too many names are being looked up"};
    try {
        if (!LookUps::of_process().add(request)) co_return failed;
    } catch (std::system_error const& problem) {
        failed.fault = std::string("no thread to look the name up: ") + problem.what();
        co_return failed;
    }
    auto found = co_await request->found.wait(clock, limit);
    failed.fault = "the name was not resolved in time";
    co_return found ? std::move(*found) : std::move(failed);
}

} // namespace elves
