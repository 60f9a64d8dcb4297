#include "http/change_feed.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "catch.hpp"
#include "elves/asio.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;
using http::ChangeFeed;

namespace {

struct Feed {
    asio::io_context loop;
    ManualClock clock;
    ChangeFeed feed{clock};
    std::uint64_t version = 0;
    bool counts = true;
    std::vector<std::string> told;
    bool has_ended = false;

    Feed()
    {
        feed.add_topic("now", [this](std::string_view) { return version; });
    }
    static asio::awaitable<void> listen(Feed& to, std::shared_ptr<http::Stream> stream)
    {
        while (true) {
            auto piece = co_await stream->next();
            if (!piece) break;
            to.told.push_back(std::move(*piece));
        }
        to.has_ended = true;
    }
    void open()
    {
        auto work = listen(*this, feed.open({"now"}, [this] { return counts; }));
        asio::co_spawn(loop, std::move(work), asio::detached);
        turn();
    }
    void turn()
    {
        loop.restart();
        loop.poll();
    }
    void wait(std::chrono::milliseconds time)
    {
        clock.advance(time);
        turn();
    }
};

} // namespace

TEST_CASE("a stream tells of its topic at once, and whenever it has changed", "[http]")
{
    Feed feed;
    feed.open();
    CHECK(feed.told.size() == 1);
    feed.wait(600ms);
    CHECK(feed.told.size() == 1);
    ++feed.version;
    feed.wait(600ms);
    CHECK(feed.told.size() == 2);
    feed.feed.stop();
    feed.turn();
    CHECK(feed.has_ended);
}

TEST_CASE("a stream that is never quiet ends with its key, too", "[http]")
{
    Feed feed;
    feed.open();
    feed.counts = false;
    for (int i = 0; i < 40 && !feed.has_ended; ++i) {
        ++feed.version;
        feed.wait(500ms);
    }
    CHECK(feed.has_ended);
}
