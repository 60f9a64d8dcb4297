#include "agent/server_time.hpp"

#include <algorithm>

#include "elves/json_fields.hpp"

namespace elves::agent {

namespace {

bool is_small(std::chrono::milliseconds shift)
{
    return shift <= ClockShift::least && shift >= -ClockShift::least;
}

} // namespace

void ServerTime::learn(JsonValue const& reply, Clock::Steady asked)
{
    auto const number = [&](std::string_view name) {
        auto const* const value = reply.find(name);
        return value ? whole_number(*value) : std::nullopt;
    };
    auto const time = number("time");
    auto const shift = number("clock").value_or(0);
    auto const is_usable = [](std::int64_t ms) { return ms <= most.count() && ms >= -most.count(); };
    if (!time || !is_usable(*time) || !is_usable(shift)) return;
    auto const since_asked = std::chrono::floor<std::chrono::milliseconds>(clock_.steady() - asked);
    known_ = Known{Instant(std::chrono::milliseconds(*time)), std::chrono::milliseconds(shift), asked,
        clock_.now() - since_asked};
}

asio::awaitable<bool> ServerTime::ask(std::shared_ptr<Peer> server, std::chrono::milliseconds limit)
{
    auto const asked = clock_.steady();
    json::object const nothing;
    auto const back = co_await server->call("heartbeat", "time", nothing, limit);
    learn(back.fields.root(), asked);
    co_return back.flag;
}

std::optional<Instant> ServerTime::now() const
{
    if (!known_) return std::nullopt;
    auto const steady = std::chrono::ceil<std::chrono::milliseconds>(clock_.steady() - known_->asked);
    return known_->time + std::max(steady, clock_.now() - known_->asked_wall);
}

bool ServerTime::is_of(std::chrono::milliseconds shift) const
{
    if (!known_) return false;
    // This machine's clock, too, may have been set since, or the machine suspended.
    auto const steady = std::chrono::floor<std::chrono::milliseconds>(clock_.steady() - known_->asked);
    auto const own = clock_.now() - known_->asked_wall - steady;
    return is_small(shift - known_->shift) && is_small(own);
}

} // namespace elves::agent
