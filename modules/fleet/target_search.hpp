#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "elves/clock.hpp"
#include "elves/services/targets.hpp"
#include "fleet_groups.hpp"
#include "host_universe.hpp"

namespace elves {

/// Goes through every host there is and judges it by an expression, in slices: between them the loop does
/// other things. On the loop's thread; outlives its coroutines.
class TargetSearch {
public:
    TargetSearch(HostUniverse const& hosts, FleetLabels const& labels, FleetGroups const& groups,
        Clock& clock, LoopExecutor loop)
        : hosts_(hosts), labels_(labels), groups_(groups), clock_(clock), loop_(std::move(loop))
    {
    }

    void runs_from(Targets::RunHosts source) { runs_ = std::move(source); }

    /// An expression with all that it needs, judged for one caller.
    struct Query {
        std::shared_ptr<Target const> target;
        std::shared_ptr<TargetContext const> context;
        Caller caller;
    };
    /// Throws Errors as Targets::find_hosts does.
    [[nodiscard]] asio::awaitable<Query> prepare(std::string text, Caller caller, bool is_stored);
    /// Called with each host that is selected, by address, before the next co_await.
    using Visit = std::function<void(TargetHost const&)>;
    [[nodiscard]] asio::awaitable<TargetHosts> find(Query query, Visit visit = {});

private:
    [[nodiscard]] asio::awaitable<void> add_runs(
        Target const& target, TargetContext& context, Caller const& caller) const;
    [[nodiscard]] asio::awaitable<void> require_all_named(std::shared_ptr<Target const> target,
        std::shared_ptr<TargetContext const> context, Caller caller) const;
    void require_addresses(TargetPart const& root, Caller const* caller) const;
    [[nodiscard]] asio::awaitable<void> yield() const;

    HostUniverse const& hosts_;
    FleetLabels const& labels_;
    FleetGroups const& groups_;
    Clock& clock_;
    LoopExecutor loop_;
    Targets::RunHosts runs_;
};

} // namespace elves
