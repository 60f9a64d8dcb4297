#include "rpc/pending_calls.hpp"

#include <string>
#include <utility>

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
    waiting.timer = clock.after(limit, [this, mqid, limit] { is_late(mqid, limit); });
}

void PendingCalls::settle(std::int64_t mqid, JsonValue const& back)
{
    auto waiting = waiting_.extract(mqid);
    if (waiting) std::move(waiting.mapped().then)(nullptr, read_back(back));
}

void PendingCalls::is_late(std::int64_t mqid, std::chrono::milliseconds limit)
{
    auto waiting = waiting_.extract(mqid);
    ELVES_ASSERT(waiting, "the timer of a call that is settled");
    Error const error(codes::agent_silent, "no answer within " + std::to_string(limit.count()) + " ms");
    std::move(waiting.mapped().then)(std::make_exception_ptr(error), Back{});
}

void PendingCalls::fail_all(std::string_view why)
{
    auto all = std::exchange(waiting_, {});
    for (auto& [mqid, waiting] : all) {
        Error const error(codes::agent_unreachable, "the connection was lost: " + std::string(why));
        std::move(waiting.then)(std::make_exception_ptr(error), Back{});
    }
}

} // namespace elves
