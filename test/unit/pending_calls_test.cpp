#include "rpc/pending_calls.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "elves/error.hpp"
#include "manual_clock.hpp"
#include "support/json_of.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct Calls {
    std::int64_t make(std::chrono::milliseconds limit)
    {
        auto const mqid = pending.next_mqid();
        PendingCalls::OnBack then([this, mqid](std::exception_ptr const& failure, Back const& back) {
            endings.push_back(std::to_string(mqid) + ": " + said(failure, back));
        });
        pending.wait(clock, mqid, limit, std::move(then));
        return mqid;
    }

    static std::string said(std::exception_ptr const& failure, Back const& back)
    {
        if (!failure) return (back.flag ? "true" : "false") + back.error_info;
        try {
            std::rethrow_exception(failure);
        } catch (Error const& error) {
            return error.info();
        }
    }

    ManualClock clock;
    PendingCalls pending;
    std::vector<std::string> endings;
};

} // namespace

TEST_CASE("answers reach their calls in whatever order they come", "[rpc]")
{
    Calls calls;
    auto const first = calls.make(1s);
    auto const second = calls.make(1s);
    calls.pending.settle(second, json_of({{"flag", "true"}}).root());
    calls.pending.settle(first, json_of({{"flag", "false"}, {"error_info", "[416.1] no"}}).root());
    CHECK(calls.endings == std::vector<std::string>{"2: true", "1: false[416.1] no"});
    CHECK(calls.pending.empty());
}

TEST_CASE("calls that share a timer end each at its own limit", "[rpc]")
{
    Calls calls;
    calls.make(3s);
    calls.make(1s);
    calls.make(2s);
    calls.pending.settle(calls.make(500ms), json_of({{"flag", "true"}}).root());
    calls.endings.clear();
    CHECK(calls.clock.waiting() == 1);
    std::vector<std::string> ended;
    for (int second = 1; second <= 4; ++second) {
        calls.clock.advance(1s);
        ended.push_back(calls.endings.empty() ? "" : calls.endings.back().substr(0, 1));
    }
    CHECK(ended == std::vector<std::string>{"2", "3", "1", "1"});
    CHECK(calls.endings.size() == 3);
    CHECK(calls.clock.waiting() == 0);
}

TEST_CASE("a call that is made by the end of a late one has its own limit", "[rpc]")
{
    Calls calls;
    PendingCalls::OnBack again([&](std::exception_ptr const&, Back const&) { calls.make(2s); });
    calls.pending.wait(calls.clock, calls.pending.next_mqid(), 1s, std::move(again));
    calls.clock.advance(1s);
    CHECK(calls.endings.empty());
    calls.clock.advance(2s);
    CHECK(calls.endings == std::vector<std::string>{"2: [410.2] no answer within 2000 ms"});
}

TEST_CASE("a call that nobody answers ends at its limit, and what comes then is for nobody", "[rpc]")
{
    Calls calls;
    auto const late = calls.make(1s);
    calls.make(2s);
    calls.clock.advance(1s);
    CHECK(calls.endings == std::vector<std::string>{"1: [410.2] no answer within 1000 ms"});
    calls.pending.settle(late, json_of({{"flag", "true"}}).root());
    CHECK(calls.endings.size() == 1);
    CHECK_FALSE(calls.pending.empty());
}

TEST_CASE("all calls end with their link, each once", "[rpc]")
{
    Calls calls;
    auto const first = calls.make(1s);
    calls.make(1s);
    calls.pending.fail_all("gone");
    CHECK(calls.endings == std::vector<std::string>{"1: [410.1] the connection was lost: gone",
                               "2: [410.1] the connection was lost: gone"});
    calls.pending.settle(first, json_of({{"flag", "true"}}).root());
    calls.clock.advance(1s);
    CHECK(calls.endings.size() == 2);
}

TEST_CASE("an answer's flag may be a text or a bool, and anything else is false", "[rpc]")
{
    Calls calls;
    for (json::value const& flag :
        {json::value("true"), json::value(true), json::value("yes"), json::value(1)})
        calls.pending.settle(calls.make(1s), json_of({{"flag", flag}, {"error_info", 7}}).root());
    CHECK(calls.endings == std::vector<std::string>{"1: true", "2: true", "3: false", "4: false"});
}
