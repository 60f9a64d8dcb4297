#include "http/readiness.hpp"

#include <utility>

#include "elves/log.hpp"

namespace elves::http {

void Readiness::probe()
{
    begun_ = clock_.steady();
    is_probing_ = true;
    store_.probe([this](std::exception_ptr const& failure) {
        bool const is_well = failure == nullptr;
        if (is_well != is_well_)
            ELVES_LOG(warning, "http.readiness_changed store=" << (is_well ? "ok" : "failing"));
        is_well_ = is_well;
        is_probing_ = false;
        for (auto& waiter : std::exchange(waiting_, {})) waiter.set(true);
    });
}

asio::awaitable<Readiness::State> Readiness::look()
{
    if (is_stopping_) co_return State{"stopping", "ok"};
    if (!store_.file_fault().empty()) co_return State{"ok", "failing"};
    auto const free = store_.free();
    if (free >= 0 && free < least_free) co_return State{"ok", "full"};
    if (!is_probing_ && (!begun_ || clock_.steady() - *begun_ >= probe_interval)) probe();
    if (is_probing_) {
        OneShot<bool> end;
        waiting_.push_back(end);
        auto const ended = co_await end.wait(clock_, probe_limit);
        if (!ended) co_return State{"ok", "slow"};
    }
    co_return State{"ok", is_well_ ? "ok" : "failing"};
}

} // namespace elves::http
