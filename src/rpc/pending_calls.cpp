#include "rpc/pending_calls.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "elves/assert.hpp"
#include "elves/error.hpp"

namespace elves {

namespace {

Back read_back(JsonValue const& fields)
{
    Back back;
    // A copy, because the answer outlives its frame.
    back.fields = JsonDocument(fields);
    auto const* const flag = fields.find("flag");
    back.flag =
        flag && ((flag->is_string() && flag->string() == "true") || (flag->is_bool() && flag->boolean()));
    if (auto const* const info = fields.find("error_info"); info && info->is_string()) {
        back.error_info = info->string();
    }
    return back;
}

} // namespace

void PendingCalls::wait(Clock& clock, std::int64_t mqid, std::chrono::milliseconds limit, OnBack then)
{
    ELVES_ASSERT(mqid > 0 && mqid <= last_mqid_, "a call waits under a number that was not given out");
    auto& waiting = waiting_[mqid];
    ELVES_ASSERT(!waiting.then, "two calls wait under one number");
    // Not by assignment: in Boost 1.81 that of any_completion_handler never ends.
    waiting.then.swap(then);
    waiting.limit = limit;
    waiting.deadline = clock.steady() + limit;
    if (!timer_.running() || waiting.deadline < timer_at_) set_timer(clock, waiting.deadline);
}

void PendingCalls::set_timer(Clock& clock, Clock::Steady at)
{
    timer_at_ = at;
    auto const delay = std::chrono::ceil<std::chrono::milliseconds>(at - clock.steady());
    timer_ = clock.after(delay, [this, &clock] { end_late(clock); });
}

void PendingCalls::settle(std::int64_t mqid, JsonValue const& back)
{
    auto waiting = waiting_.extract(mqid);
    if (waiting) std::move(waiting.mapped().then)(nullptr, read_back(back));
}

void PendingCalls::end_late(Clock& clock)
{
    timer_.stop();
    std::vector<Waiting> late;
    auto next = Clock::Steady::max();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        if (at->second.deadline <= clock.steady()) {
            late.push_back(std::move(at->second));
            at = waiting_.erase(at);
        } else {
            next = std::min(next, at->second.deadline);
            ++at;
        }
    }
    if (!waiting_.empty()) set_timer(clock, next);
    for (auto& waiting : late) {
        Error const error(
            codes::agent_silent, "no answer within " + std::to_string(waiting.limit.count()) + " ms");
        std::move(waiting.then)(std::make_exception_ptr(error), Back{});
    }
}

void PendingCalls::fail_all(std::string_view why)
{
    timer_.stop();
    auto all = std::exchange(waiting_, {});
    for (auto& [mqid, waiting] : all) {
        Error const error(codes::agent_unreachable, "the connection was lost: " + std::string(why));
        std::move(waiting.then)(std::make_exception_ptr(error), Back{});
    }
}

} // namespace elves
