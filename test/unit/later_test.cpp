#include "elves/later.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "catch.hpp"

using namespace elves;

namespace {

/// Writes down what came.
struct Heard {
    Later<std::string>::Then then()
    {
        return [this](std::exception_ptr const& failure, std::string& value) {
            text += failure ? "failure" : value;
        };
    }
    std::string text;
};

std::exception_ptr failure() { return std::make_exception_ptr(std::runtime_error("no")); }

} // namespace

TEST_CASE("who waits for a later value has it when it is set, and once it is", "[later]")
{
    Heard heard;
    Later<std::string> later;
    later.then(heard.then());
    CHECK(heard.text.empty());
    later.set("it");
    CHECK(heard.text == "it");

    Later<std::string> early;
    early.set("before");
    heard.text.clear();
    early.then(heard.then());
    CHECK(heard.text == "before");
}

TEST_CASE("a later value may be a failure", "[later]")
{
    Heard heard;
    Later<std::string> later;
    later.then(heard.then());
    later.fail(failure());
    CHECK(heard.text == "failure");

    Later<std::string> early;
    early.fail(failure());
    heard.text.clear();
    early.then(heard.then());
    CHECK(heard.text == "failure");
}

TEST_CASE("a coroutine waits for a later value, and goes on in a turn of its own", "[later]")
{
    asio::io_context loop;
    std::string heard;
    auto const spawn = [&](Later<std::string> const& later) {
        asio::co_spawn(loop, wait_for(later), [&](std::exception_ptr const& thrown, std::string value) {
            heard = thrown ? "thrown" : std::move(value);
        });
        loop.restart();
        loop.poll();
    };
    Later<std::string> later;
    spawn(later);
    later.set("it");
    CHECK(heard.empty());
    loop.restart();
    loop.poll();
    CHECK(heard == "it");

    Later<std::string> failed;
    failed.fail(failure());
    spawn(failed);
    CHECK(heard == "thrown");
}

TEST_CASE("a coroutine that waits for a value is gone with whoever would have set it", "[later]")
{
    asio::io_context loop;
    auto const held = std::make_shared<int>(1);
    {
        Later<std::string> later;
        asio::co_spawn(loop, wait_for(later),
            [held](std::exception_ptr const&, std::string const&) { FAIL("it was called"); });
        loop.poll();
        CHECK(held.use_count() == 2);
    }
    loop.restart();
    loop.poll(); // where a coroutine is destroyed
    CHECK(held.use_count() == 1);
}
