#include "stored_target.hpp"

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

void refuse_runs(TargetPart const& root)
{
    each_part(root, [](TargetPart const& part) {
        if (part.kind == TargetPart::Kind::run)
            throw Error(
                codes::bad_target, "`target` names the run " + part.run.text() +
                                       "; a window or a cap needs hosts that can be told at any time: "
                                       "give labels, groups or addresses");
    });
}

} // namespace

StoredTarget::StoredTarget(
    std::string const& target, HostUniverse const& hosts, FleetGroups const& groups, Clock const& clock)
    : target_(Target::parse(target, nullptr)), hosts_(hosts), groups_(groups), clock_(clock)
{
    read_groups();
    refuse_runs(target_.root);
    for (auto const& [name, group] : context_.groups) refuse_runs(group->root);
}

void StoredTarget::read_groups()
{
    version_ = groups_.version();
    context_.groups = groups_.below(target_);
}

bool StoredTarget::selects(Ip const& ip)
{
    // One that nobody knows is judged by its address: its agent may have registered just before a crash, and
    // its tasks are in the log.
    auto const host = hosts_.host(ip).value_or(TargetHost{ip});
    if (version_ != groups_.version()) {
        try {
            read_groups();
        } catch (Error const& error) {
            // A group has become too large for this expression: it goes on with what it was.
            ELVES_LOG(warning, "target.group_not_read target=" << target_.text << " error=" << error.info());
            version_ = groups_.version();
        }
    }
    return TargetMatcher(target_, context_, clock_.now()).match(host) == Match::yes;
}

} // namespace elves
