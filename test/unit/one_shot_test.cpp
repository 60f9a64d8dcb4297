#include "elves/one_shot.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "catch.hpp"
#include "manual_clock.hpp"
#include "rpc/asio_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> wait_for(OneShot<int> value, Clock& clock, std::shared_ptr<std::string> heard)
{
    auto const got = co_await value.wait(clock, 5s);
    *heard = got ? std::to_string(*got) : "nothing";
}

struct Waiting {
    void begin(Clock& clock)
    {
        asio::co_spawn(loop, wait_for(value, clock, heard), asio::detached);
        settle();
    }
    void settle()
    {
        loop.restart();
        loop.poll();
    }

    asio::io_context loop;
    OneShot<int> value;
    std::shared_ptr<std::string> heard = std::make_shared<std::string>();
};

} // namespace

TEST_CASE("who waits hears the first value that is set", "[one_shot]")
{
    ManualClock clock;
    Waiting waiting;
    waiting.begin(clock);
    CHECK(waiting.heard->empty());
    waiting.value.set(7);
    waiting.value.set(8);
    waiting.settle();
    CHECK(*waiting.heard == "7");
}

TEST_CASE("who waits for what was set before hears it at once", "[one_shot]")
{
    ManualClock clock;
    Waiting waiting;
    waiting.value.set(7);
    waiting.begin(clock);
    CHECK(*waiting.heard == "7");
}

TEST_CASE("who waits hears nothing when the limit is over", "[one_shot]")
{
    ManualClock clock;
    Waiting waiting;
    waiting.begin(clock);
    clock.advance(5s);
    waiting.settle();
    CHECK(*waiting.heard == "nothing");
    waiting.value.set(7);
    waiting.settle();
    CHECK(*waiting.heard == "nothing");
}

TEST_CASE("a clock that goes takes with it who waits for its time to pass", "[one_shot]")
{
    Waiting waiting;
    auto clock = std::make_unique<AsioClock>(waiting.loop.get_executor());
    waiting.begin(*clock);
    CHECK(waiting.heard.use_count() > 1);
    clock.reset();
    waiting.loop.restart();
    waiting.loop.run_for(1s); // ends when there is nothing left to do
    CHECK(waiting.heard.use_count() == 1);
    waiting.value.set(7);
    CHECK(waiting.heard->empty());
}
