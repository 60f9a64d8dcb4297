#include "target_search.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "elves/error.hpp"

namespace elves {

namespace {

using Kind = TargetPart::Kind;

/// So many tests are judged in one slice: some hundred microseconds.
constexpr std::size_t tests_of_slice = 4'096;
constexpr std::size_t most_hosts_of_slice = 128;

std::size_t hosts_of_slice(Target const& target, TargetContext const& context)
{
    constexpr std::size_t glob_weight = 8;
    std::size_t tests = 1;
    auto const weigh = [&](Target const& one) {
        each_part(one.root,
            [&](TargetPart const& part) { tests += part.glob ? glob_weight : part.values.size() + 1; });
    };
    weigh(target);
    for (auto const& [name, group] : context.groups) weigh(*group);
    return std::clamp<std::size_t>(tests_of_slice / tests, 1, most_hosts_of_slice);
}

/// Names that no host has been found for yet.
struct OpenNames {
    std::set<std::string, std::less<>> own;       ///< Of the expression itself: a host of the caller's.
    std::set<std::string, std::less<>> of_groups; ///< Of its groups: any host.

    void add(TargetPart const& root, bool is_group)
    {
        each_part(root, [&](TargetPart const& part) {
            if (part.kind == Kind::name) (is_group ? of_groups : own).insert(part.text);
        });
    }
    [[nodiscard]] bool empty() const { return own.empty() && of_groups.empty(); }
};

[[noreturn]] void refuse_name(std::string const& name)
{
    throw Error(codes::no_agent,
        "no host has the asset " + name + "; a label is tested as KEY=VALUE, a group is written @NAME");
}

} // namespace

asio::awaitable<void> TargetSearch::yield() const { return asio::post(loop_, asio::use_awaitable); }

asio::awaitable<TargetSearch::Query> TargetSearch::prepare(std::string text, Caller caller, bool is_stored)
{
    auto target = std::make_shared<Target const>(Target::parse(text, is_stored ? nullptr : &labels_.keys()));
    auto context = std::make_shared<TargetContext>();
    context->groups = groups_.below(*target);
    require_addresses(target->root, &caller);
    for (auto const& [name, group] : context->groups) require_addresses(group->root, nullptr);
    co_await add_runs(*target, *context, caller);
    // A copy: the map may not change while it is gone through.
    auto const groups = context->groups;
    for (auto const& [name, group] : groups) co_await add_runs(*group, *context, caller);
    std::shared_ptr<TargetContext const> whole = std::move(context);
    co_await require_all_named(target, whole, caller);
    co_return Query{std::move(target), std::move(whole), std::move(caller)};
}

asio::awaitable<void> TargetSearch::add_runs(
    Target const& target, TargetContext& context, Caller const& caller) const
{
    std::vector<std::pair<TaskId, std::string>> wanted;
    each_part(target.root, [&](TargetPart const& part) {
        if (part.kind == Kind::run) wanted.emplace_back(part.run, part.run_state);
    });
    for (auto const& [id, state] : wanted) {
        if (!runs_)
            throw Error(codes::no_run, "there is no run " + id.text() + ": the module run is not enabled");
        auto hosts = co_await runs_(id, state, caller);
        context.runs.insert_or_assign({id, state}, std::move(hosts));
    }
}

/// An address that is named outright has to be a host's. `caller`: who named it; null for one of a group.
void TargetSearch::require_addresses(TargetPart const& root, Caller const* caller) const
{
    each_part(root, [&](TargetPart const& part) {
        if (part.kind != Kind::place || !part.is_address) return;
        if (caller) caller->require(part.first);
        if (!hosts_.host(part.first))
            throw Error(
                codes::no_agent, "no host has the address " + part.first.text() +
                                     ": it was never an agent, and the inventory has no record of it");
    });
}

/// The same of names, which have to be looked for.
asio::awaitable<void> TargetSearch::require_all_named(
    std::shared_ptr<Target const> target, std::shared_ptr<TargetContext const> context, Caller caller) const
{
    OpenNames open;
    open.add(target->root, false);
    for (auto const& [name, group] : context->groups) open.add(group->root, true);
    std::optional<Ip> place;
    while (!open.empty()) {
        auto const hosts = hosts_.behind(place, most_hosts_of_slice);
        if (hosts.empty()) refuse_name(open.own.empty() ? *open.of_groups.begin() : *open.own.begin());
        for (auto const& host : hosts) {
            if (!host.agent) continue;
            if (auto const found = open.of_groups.find(host.agent->asset); found != open.of_groups.end())
                open.of_groups.erase(found);
            auto const found = open.own.find(host.agent->asset);
            if (found != open.own.end() && caller.may_touch(host.ip)) open.own.erase(found);
        }
        place = hosts.back().ip;
        co_await yield();
    }
}

asio::awaitable<TargetHosts> TargetSearch::find(Query query, Visit visit)
{
    TargetMatcher matcher(*query.target, *query.context, clock_.now());
    auto const step = hosts_of_slice(*query.target, *query.context);
    TargetHosts found;
    found.rests_on_facts = matcher.rests_on_facts();
    std::optional<Ip> place;
    while (true) {
        auto const hosts = hosts_.behind(place, step);
        for (auto const& host : hosts) {
            if (!query.caller.may_touch(host.ip)) continue;
            auto const match = matcher.match(host);
            if (match == Match::yes) {
                found.hosts.push_back(host.ip);
                if (visit) visit(host);
            } else if (match == Match::undecided) {
                ++found.undecided;
                matcher.add_undecided(host, found.undecided_by);
            }
        }
        if (hosts.size() < step) break;
        place = hosts.back().ip;
        co_await yield();
    }
    co_return found;
}

} // namespace elves
