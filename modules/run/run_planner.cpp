#include "run_planner.hpp"

#include <map>
#include <random>
#include <set>
#include <utility>

#include "elves/error.hpp"
#include "slices.hpp"

namespace elves {

using namespace std::chrono_literals;

asio::awaitable<std::vector<Ip>> RunPlanner::in_order(
    RunOrder order, std::vector<Ip> hosts, std::uint32_t seed) const
{
    if (order.kind == RunOrder::Kind::spread) {
        auto spread = co_await spread_by(std::move(order.field), std::move(hosts));
        co_return spread;
    }
    if (order.kind == RunOrder::Kind::random) {
        Slices slices;
        std::mt19937 luck(seed);
        for (auto i = hosts.size(); i > 1; --i) {
            std::swap(hosts[i - 1], hosts[luck() % i]);
            if (slices.is_over()) co_await let_others_go_on();
        }
    }
    co_return hosts;
}

/// Always one of the value that has most left, but for the value of the one before.
asio::awaitable<std::vector<Ip>> RunPlanner::spread_by(std::string field, std::vector<Ip> hosts) const
{
    Slices slices;
    std::map<std::string, std::vector<Ip>> by_value;
    for (auto at = hosts.rbegin(); at != hosts.rend(); ++at) {
        by_value[targets_.host_value(*at, field).value_or("")].push_back(*at);
        if (slices.is_over()) co_await let_others_go_on();
    }
    std::set<std::pair<std::size_t, std::string>> left;
    for (auto const& [value, of_value] : by_value) left.emplace(of_value.size(), value);
    std::vector<Ip> spread;
    std::string last;
    while (!left.empty()) {
        auto next = std::prev(left.end());
        if (next->second == last && !spread.empty() && left.size() > 1) --next;
        auto [count, value] = *next;
        left.erase(next);
        spread.push_back(by_value[value].back());
        by_value[value].pop_back();
        if (count > 1) left.emplace(count - 1, value);
        last = value;
        if (slices.is_over()) co_await let_others_go_on();
    }
    co_return spread;
}

Instant RunPlanner::begin_of(RunSpec const& spec) const
{
    auto const now = clock_.now();
    if (spec.at.empty()) return now;
    auto const at = zone_.parse(spec.at);
    if (!at) throw Error(codes::bad_field, "`at` is \"" + spec.at + "\"; give YYYY-MM-DD HH:MM:SS");
    if (*at + spec.late < now)
        throw Error(codes::bad_field, "`at` is " + spec.at + ", which is more than `late` (" +
                                          std::to_string(spec.late.count()) + " s) ago");
    return *at;
}

asio::awaitable<RunPlan> RunPlanner::planned(RunSpec spec, std::vector<Ip> hosts) const
{
    RunPlan plan;
    plan.begin_at = begin_of(spec);
    plan.seed = static_cast<std::uint32_t>(TaskId::random().value());
    plan.limits = spec.limits(hosts.size());
    Slices slices;
    TargetDigest digest;
    for (auto const& ip : hosts) {
        digest.add(ip);
        if (!presence_.link(ip)) plan.offline.push_back(ip);
        if (slices.is_over()) co_await let_others_go_on();
    }
    plan.digest = digest.hex();
    plan.hosts = co_await in_order(spec.order, std::move(hosts), plan.seed);
    plan.wave_sizes = spec.wave_sizes(plan.hosts.size());
    co_return plan;
}

void require_run_hosts(Caller const& caller, std::size_t hosts)
{
    if (!caller.key || !caller.key->run_hosts) return;
    auto const most = *caller.key->run_hosts;
    if (static_cast<std::int64_t>(hosts) > most)
        throw Error(codes::forbidden, "key " + caller.by() + " may have at most " + std::to_string(most) +
                                          " hosts in one run (its `run_hosts`); this one would have " +
                                          std::to_string(hosts));
}

asio::awaitable<RunPlan> RunPlanner::plan(RunSpec spec, Caller caller, bool is_stored)
{
    spec.require_sound();
    static_cast<void>(begin_of(spec));
    engine_.require_processor(spec.ins.ins);
    if (spec.order.kind == RunOrder::Kind::spread && !is_stored)
        targets_.require_field("order", spec.order.field);
    auto found = co_await targets_.find_hosts(spec.target.text, caller, is_stored);
    if (found.hosts.empty()) {
        auto const undecided = found.undecided == 0
                                   ? std::string()
                                   : "; " + std::to_string(found.undecided) +
                                         " hosts are undecided, for they lack " + *found.undecided_by.begin();
        throw Error(codes::bad_target, "`target` selects no host" + undecided);
    }
    require_run_hosts(caller, found.hosts.size());
    auto plan = co_await planned(spec, found.hosts);
    if (!spec.digest.empty() && spec.digest != plan.digest)
        throw Error(codes::list_changed, "`target` selects other hosts now than those of `digest`: " +
                                             std::to_string(plan.hosts.size()) + "; plan the run again");
    plan.found = std::move(found);
    co_return plan;
}

} // namespace elves
