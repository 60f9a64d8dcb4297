#include "rpc/event_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>

#include "catch.hpp"
#include "elves/one_shot.hpp"
#include "rpc/asio_clock.hpp"
#include "rpc/link.hpp"
#include "rpc/router.hpp"

using namespace elves;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

/// Whether it is destroyed while what it refers to lives.
struct Witness {
    explicit Witness(int& count) : count_(count) { ++count_; }
    Witness(Witness const&) = delete;
    Witness& operator=(Witness const&) = delete;
    ~Witness() { --count_; }

private:
    int& count_;
};

asio::awaitable<void> wait_for_time(Clock& clock, int& alive)
{
    Witness const here(alive);
    co_await pause(clock, 1h);
}

asio::awaitable<void> wait_for_answer(std::shared_ptr<Link> link, int& alive)
{
    Witness const here(alive);
    json::object const fields;
    static_cast<void>(co_await link->call("test", "never", fields, 1h));
}

asio::awaitable<void> wait_for_bytes(tcp::socket& socket, int& alive)
{
    Witness const here(alive);
    char byte = 0;
    co_await socket.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
}

asio::awaitable<void> wait_for_another(asio::awaitable<void> other, int& alive)
{
    Witness const here(alive);
    co_await std::move(other);
}

} // namespace

TEST_CASE("at the end of a program every suspended coroutine is destroyed, whatever it waits for", "[link]")
{
    int alive = 0;
    EventLoop loop;
    AsioClock clock(loop.get_executor());
    LinkShared shared{clock};
    asio::basic_socket_acceptor<tcp, LoopExecutor> door(
        loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    tcp::socket other(loop);
    other.connect(door.local_endpoint());
    tcp::endpoint remote;
    auto socket = door.accept(remote);
    auto link = std::make_shared<Link>(std::move(socket), remote, shared);
    link->start();

    auto const ignore = [](std::exception_ptr const&) {};
    asio::co_spawn(loop, wait_for_time(clock, alive), ignore);
    asio::co_spawn(loop, wait_for_answer(link, alive), ignore);
    asio::co_spawn(loop, wait_for_bytes(other, alive), ignore);
    asio::co_spawn(loop, wait_for_another(wait_for_time(clock, alive), alive), ignore);
    loop.poll();
    asio::co_spawn(loop, wait_for_time(clock, alive), ignore); // has not begun
    REQUIRE(alive == 4);
    std::weak_ptr<Link> const watched = link;
    link.reset();

    clock.drop_timers();
    shared.links.drop_all();
    loop.drop_handlers();
    CHECK(alive == 0);
    CHECK(watched.expired());
    CHECK_FALSE(clock.after(0ms, [] {}).running());
}
