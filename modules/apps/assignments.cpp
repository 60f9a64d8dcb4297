#include "assignments.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "elves/deployment.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/text_fit.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds look_again = 1s;
/// Agents that are looked at each second: labels change without a word from the host.
constexpr std::size_t agents_at_once = 500;
constexpr std::chrono::seconds deploy_timeout = 600s;
constexpr std::size_t most_failures = 10;

std::string version_at(AgentView const& agent, std::string const& app)
{
    if (!agent.apps) return {};
    auto const* const version = agent.apps->if_contains(app);
    return version && version->is_string() ? std::string(version->get_string()) : std::string();
}

void show_in_audit(Caller const& caller, Assignment const& assignment)
{
    constexpr std::size_t longest_target = 3'000;
    if (!caller.audit) return;
    caller.audit->show(json::serialize(json::object{{"app", assignment.app}, {"version", assignment.version},
        {"target", head_that_fits(assignment.target, longest_target)}}));
}

std::string fault_of(Task const& task)
{
    if (task.report && !task.report->result.empty()) return task.report->result.substr(0, 500);
    if (!task.sync_error.empty()) return task.sync_error.substr(0, 500);
    return std::string(status_text(task.status));
}

} // namespace

void Assignments::start()
{
    is_running_ = true;
    std::vector<Assignment> all;
    house_.store.at_start([&all](Db& db) { all = assignment_records::all(db); });
    for (auto& assignment : all) add(std::move(assignment));
    house_.targets.group_users_from([this](std::string_view group) { return users_of(group); });
    house_.presence.on_link([this](Ip const& host) { look_at(host); });
    house_.engine.on_finished([this](Task const& task) { ended(task); });
    look_at_next();
}

void Assignments::stop()
{
    is_running_ = false;
    timer_.stop();
}

/// A group that an assignment names stays: without it the target would select nothing.
std::vector<std::string> Assignments::users_of(std::string_view group) const
{
    std::vector<std::string> users;
    for (auto const& [id, entry] : entries_) {
        auto const& [assignment, test, error] = entry;
        if (house_.targets.groups_of(assignment.target).contains(std::string(group)))
            users.push_back("the assignment of " + assignment.app + "@" + assignment.version + " to " +
                            assignment.target);
    }
    return users;
}

void Assignments::add(Assignment assignment)
{
    auto const id = assignment.id;
    auto& ids = by_app_[assignment.app];
    std::erase(ids, id);
    auto const time = assignment.time;
    Entry entry{std::move(assignment), nullptr, {}};
    try {
        entry.test = house_.targets.host_test(entry.assignment.target);
    } catch (Error const& problem) {
        entry.error = problem.info();
    }
    entries_.insert_or_assign(id, std::move(entry));
    auto const later = std::find_if(
        ids.begin(), ids.end(), [&](TaskId other) { return entries_.at(other).assignment.time <= time; });
    ids.insert(later, id);
}

void Assignments::look_at_next()
{
    timer_ = house_.clock.after(look_again, [this] {
        if (!entries_.empty()) {
            auto const agents = house_.agents.agents_behind(place_, agents_at_once);
            for (auto const& agent : agents) look_at(agent);
            place_ = agents.size() < agents_at_once ? std::nullopt : std::optional(agents.back().ip);
        }
        look_at_next();
    });
}

void Assignments::look_at(Ip const& host)
{
    if (!is_running_) return;
    if (auto const agent = house_.agents.agent(host)) look_at(*agent);
}

void Assignments::look_at(AgentView const& agent)
{
    if (!agent.online || !agent.has_registered) return;
    for (auto const& [app, ids] : by_app_) {
        auto const* const entry = wanted(agent.ip, app);
        if (!entry) continue;
        auto const& assignment = entry->assignment;
        if (version_at(agent, app) == assignment.version) {
            tries_.forget(agent.ip, app);
        } else if (tries_.may_start(agent.ip, app, assignment.version, house_.clock.steady())) {
            tries_.start(agent.ip, app, assignment.version);
            asio::co_spawn(house_.loop, deploy(assignment, agent.ip), asio::detached);
        }
    }
}

/// The newest assignment of the app that selects the host.
Assignments::Entry const* Assignments::wanted(Ip const& host, std::string const& app) const
{
    auto const found = by_app_.find(app);
    if (found == by_app_.end()) return nullptr;
    for (auto const id : found->second) {
        auto const& entry = entries_.at(id);
        if (entry.test && may_touch(entry.assignment, host) && entry.test->selects(host)) return &entry;
    }
    return nullptr;
}

/// An assignment is of its key's hosts only.
bool Assignments::may_touch(Assignment const& assignment, Ip const& host) const
{
    if (!house_.authority || !TaskId::parse(assignment.by)) return true;
    auto const key = house_.authority->find_key(assignment.by);
    return !key || key->may_touch(host);
}

Instruction Assignments::instruction_of(Assignment const& assignment) const
{
    auto const& version = house_.packages.find(assignment.app, assignment.version);
    Deployment const deployment{
        version.app, version.version, version.sha256, version.size, version.signature};
    Instruction ins;
    ins.app = own_app;
    ins.func = "deploy";
    ins.param = json::serialize(deployment.to_json());
    ins.timeout = deploy_timeout;
    return ins;
}

/// What the key may do can have changed since it set the assignment.
void Assignments::require_key(Assignment const& assignment) const
{
    if (!house_.authority || !TaskId::parse(assignment.by)) return;
    Caller caller;
    caller.key = house_.authority->find_key(assignment.by);
    auto const* const key = caller.key.get();
    bool const counts = key && key->enabled && (!key->expires || house_.clock.now() < *key->expires);
    if (!counts)
        throw Error(
            codes::wrong_key, "key " + assignment.by +
                                  ", which set the assignment, is deleted, disabled or expired; set it "
                                  "again with another key");
    if (!role_may(key->role, Right::manage))
        throw Error(
            codes::forbidden, "key " + assignment.by + ", which set the assignment, is no admin any more");
    caller.require_app(assignment.app);
}

asio::awaitable<void> Assignments::deploy(Assignment assignment, Ip host)
{
    std::string failure;
    bool may_pass = false;
    try {
        TaskEngine::Order order;
        order.id = house_.engine.next_id();
        order.agent = host;
        order.ins = instruction_of(assignment);
        order.by = assignment.by;
        order.from = assignment.from;
        require_key(assignment);
        open_.emplace(order.id, Open{host, assignment.app});
        auto const id = order.id;
        ELVES_LOG(info, "app.assigned_deploy app=" << assignment.app << " version=" << assignment.version
                                                   << " agent=" << host.text() << " task=" << id.text());
        auto work = wait_for(house_.engine.send(std::move(order)));
        auto const recorded = co_await std::move(work);
        if (is_final(recorded.task.status)) ended(recorded.task);
        co_return;
    } catch (Error const& problem) {
        failure = problem.info();
        may_pass = problem.code() == codes::closed_now || problem.code() == codes::too_much;
    } catch (std::exception const& problem) {
        failure = problem.what();
    }
    std::erase_if(open_,
        [&](auto const& each) { return each.second.host == host && each.second.app == assignment.app; });
    auto const now = house_.clock.steady();
    if (may_pass) {
        tries_.put_off(host, assignment.app, std::move(failure), now);
    } else {
        tries_.fail(host, assignment.app, std::move(failure), now);
    }
}

void Assignments::ended(Task const& task)
{
    auto const found = open_.find(task.id);
    if (found == open_.end()) return;
    auto const [host, app] = found->second;
    open_.erase(found);
    auto const now = house_.clock.steady();
    if (task.status == TaskStatus::done) return tries_.succeed(host, app, now);
    auto const error = fault_of(task);
    ELVES_LOG(warning, "app.assigned_failed app=" << app << " agent=" << host.text()
                                                  << " task=" << task.id.text() << ": " << error);
    tries_.fail(host, app, error, now);
}

asio::awaitable<Assignment> Assignments::put(Assignment assignment, Caller caller)
{
    auto const turn = co_await changes_.enter(house_.clock);
    static_cast<void>(house_.packages.find(assignment.app, assignment.version));
    static_cast<void>(house_.targets.host_test(assignment.target));
    auto const same = std::find_if(entries_.begin(), entries_.end(), [&](auto const& each) {
        auto const& other = each.second.assignment;
        return other.app == assignment.app && other.target == assignment.target;
    });
    if (same == entries_.end() && entries_.size() >= most)
        throw Error(codes::too_much, "there are 1000 assignments; delete some (elvesctl app unassign)");
    assignment.id = same == entries_.end() ? TaskId::random() : same->first;
    assignment.by = caller.by();
    assignment.from = caller.peer ? caller.peer->ip().text() : std::string();
    assignment.time = house_.clock.now();
    show_in_audit(caller, assignment);
    Store::Work write = [assignment](Db& db) { assignment_records::put(db, assignment); };
    auto also = caller.also(assignment.id.text());
    write = together(std::move(write), std::move(also));
    co_await house_.store.write(std::move(write));
    tries_.forget_app(assignment.app);
    add(assignment);
    place_.reset(); // From the first agent on.
    ELVES_LOG(info, "app.assigned app=" << assignment.app << " version=" << assignment.version
                                        << " by=" << (assignment.by.empty() ? "-" : assignment.by));
    co_return assignment;
}

asio::awaitable<void> Assignments::erase(TaskId id, Caller caller)
{
    auto const turn = co_await changes_.enter(house_.clock);
    auto const found = entries_.find(id);
    if (found == entries_.end())
        throw Error(codes::no_app, "there is no assignment " + id.text() + "; see elvesctl app assigned");
    caller.require_app(found->second.assignment.app);
    show_in_audit(caller, found->second.assignment);
    Store::Work write = [id](Db& db) { assignment_records::erase(db, id); };
    auto also = caller.also();
    write = together(std::move(write), std::move(also));
    auto const app = found->second.assignment.app;
    co_await house_.store.write(std::move(write));
    entries_.erase(id);
    auto& ids = by_app_[app];
    std::erase(ids, id);
    if (ids.empty()) by_app_.erase(app);
    tries_.forget_app(app);
    ELVES_LOG(info, "app.unassigned app=" << app << " id=" << id.text());
}

void Assignments::require_unassigned(std::string const& app, std::string const& version) const
{
    for (auto const& [id, entry] : entries_) {
        if (entry.assignment.app == app && entry.assignment.version == version)
            throw Error(codes::wrong_state, "version " + version + " of app " + app + " is assigned to \"" +
                                                entry.assignment.target + "\"; elvesctl app unassign " +
                                                id.text() + " first");
    }
}

std::vector<Assignment> Assignments::list(Caller const& caller) const
{
    std::vector<Assignment> all;
    for (auto const& [id, entry] : entries_) {
        if (caller.may_use(entry.assignment.app)) all.push_back(entry.assignment);
    }
    std::sort(all.begin(), all.end(),
        [](auto const& a, auto const& b) { return std::tie(a.time, a.id) < std::tie(b.time, b.id); });
    return all;
}

asio::awaitable<Assignments::Progress> Assignments::progress(TaskId id, Caller caller) const
{
    Progress progress;
    std::optional<Ip> place;
    while (true) {
        auto const found = entries_.find(id);
        if (found == entries_.end()) co_return progress;
        auto const& entry = found->second;
        progress.error = entry.error;
        auto const& assignment = entry.assignment;
        auto const agents = house_.agents.agents_behind(place, agents_at_once);
        for (auto const& agent : agents) {
            if (!caller.may_touch(agent.ip) || wanted(agent.ip, assignment.app) != &entry) continue;
            auto const* const last = tries_.find(agent.ip, assignment.app);
            if (version_at(agent, assignment.app) == assignment.version) {
                ++progress.current;
            } else if (last && !last->error.empty()) {
                ++progress.failing;
                auto const left = std::max(last->next - house_.clock.steady(), Clock::Steady::duration{});
                if (progress.failures.size() < most_failures)
                    progress.failures.push_back({agent.ip, last->failures,
                        std::chrono::duration_cast<std::chrono::seconds>(left), last->error});
            } else if (!agent.online) {
                ++progress.offline;
            } else {
                ++progress.waiting;
            }
        }
        if (agents.size() < agents_at_once) co_return progress;
        place = agents.back().ip;
        co_await asio::post(house_.loop, asio::use_awaitable);
    }
}

} // namespace elves
