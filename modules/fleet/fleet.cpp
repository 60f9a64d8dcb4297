#include "fleet.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "elves/sha256.hpp"
#include "fleet_fields.hpp"
#include "stored_target.hpp"

namespace elves {

namespace {

constexpr std::size_t most_values = 1'000; ///< That counthosts tells apart.

std::string number(std::size_t count) { return std::to_string(count); }

json::array texts(std::set<std::string> const& all)
{
    json::array list;
    for (auto const& text : all) list.emplace_back(text);
    return list;
}

/// What was found, beside the rows.
void add_found(json::object& fields, TargetHosts const& found)
{
    fields["count"] = number(found.hosts.size());
    fields["undecided"] = number(found.undecided);
    fields["undecided_by"] = texts(found.undecided_by);
}

bool is_leaf(TargetPart const& part) { return part.parts.empty(); }

} // namespace

std::string target_digest(std::vector<Ip> const& hosts)
{
    auto sorted = hosts;
    std::sort(sorted.begin(), sorted.end());
    TargetDigest digest;
    for (auto const& ip : sorted) digest.add(ip);
    return digest.hex();
}

Fleet::Fleet(AgentDirectory const& agents, Inventory const* inventory, FleetLabels& labels,
    FleetGroups& groups, Clock& clock, Zone zone, LoopExecutor loop)
    : hosts_(agents, inventory, labels)
    , labels_(labels)
    , groups_(groups)
    , clock_(clock)
    , zone_(zone)
    , search_(hosts_, labels, groups, clock, std::move(loop))
{
}

void Fleet::start()
{
    labels_.load();
    groups_.load();
}

void Fleet::declare(MethodTable& table)
{
    table
        .call<Find>("findagents", Right::read,
            {required("target", &Find::target), optional("after", &Find::after),
                optional("limit", &Find::limit)},
            "The hosts that a target expression selects, in pages.",
            [this](Find in, Caller caller) { return find(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<Count>("counthosts", Right::read,
            {required("target", &Count::target), required("by", &Count::by)},
            "How many of those hosts have which value of a field.",
            [this](Count in, Caller caller) { return count(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<Explain>("explaintarget", Right::read,
            {required("target", &Explain::target), required("agentip", &Explain::agentip)},
            "Why an expression selects one host, or does not: what each of its tests says.",
            [this](Explain in, Caller caller) { return explain(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<SetLabels>("setlabels", Right::manage,
            {required("target", &SetLabels::target), optional("labels", &SetLabels::labels),
                optional("unset", &SetLabels::unset), optional("digest", &SetLabels::digest)},
            "Sets and unsets labels of all hosts that an expression selects.",
            [this](SetLabels in, Caller caller) { return set_labels(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<SetGroup>("setgroup", Right::manage,
            {required("name", &SetGroup::name), required("target", &SetGroup::target),
                optional("note", &SetGroup::note)},
            "Names a target expression, or gives a group another one.",
            [this](SetGroup in, Caller caller) { return set_group(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ByName>("delgroup", Right::manage, {required("name", &ByName::name)},
            "Deletes a group that nothing refers to.",
            [this](ByName in, Caller caller) { return delete_group(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ByName>("getgroup", Right::read, {required("name", &ByName::name)},
            "One group, and how many hosts it has now.",
            [this](ByName in, Caller caller) { return get_group(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<Nothing>("listgroups", Right::read, {}, "All groups, and how many hosts each has now.",
            [this](Nothing, Caller caller) { return list_groups(std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
}

asio::awaitable<TargetHosts> Fleet::find_hosts(std::string target, Caller caller, bool is_stored)
{
    auto query = co_await search_.prepare(std::move(target), std::move(caller), is_stored);
    co_return co_await search_.find(std::move(query));
}

std::optional<std::string> Fleet::host_value(Ip const& ip, std::string_view field) const
{
    auto const wanted = Target::parse_field("field", field, nullptr);
    auto const host = hosts_.host(ip);
    return host ? host->value(wanted, zone_) : std::nullopt;
}

std::unique_ptr<HostTest> Fleet::host_test(std::string const& target) const
{
    return std::make_unique<StoredTarget>(target, hosts_, groups_, clock_);
}

std::set<std::string> Fleet::groups_of(std::string const& target) const
{
    return groups_in(Target::parse(target, nullptr));
}

Belongings Fleet::belongings_of(Ip const& host)
{
    auto const* const labels = labels_.find(host);
    Belongings all;
    all.is_any = labels != nullptr;
    all.shown["labels"] = std::to_string(labels ? labels->size() : 0);
    all.erase = [host](Db& db) { FleetLabels::erase_in(db, host); };
    all.on_erased = [this, host] { labels_.drop(host); };
    return all;
}

asio::awaitable<Reply> Fleet::find(Find in, Caller caller)
{
    static_cast<void>(page_limit(in.limit));
    auto const found = co_await find_hosts(in.target.text, std::move(caller), false);
    std::string next;
    json::object fields{{"agents", page_of(found.hosts, in, next)}};
    add_found(fields, found);
    fields["digest"] = target_digest(found.hosts);
    if (!next.empty()) fields["next"] = next;
    co_return Reply(std::move(fields));
}

json::array Fleet::page_of(std::vector<Ip> const& hosts, Find const& in, std::string& next) const
{
    json::array page;
    std::size_t bytes = 0;
    auto at = in.after ? std::upper_bound(hosts.begin(), hosts.end(), in.after->ip) : hosts.begin();
    for (; at != hosts.end(); ++at) {
        if (page.size() == static_cast<std::size_t>(in.limit) || bytes >= page_bytes) {
            next = std::prev(at)->text();
            return page;
        }
        auto entry = entry_of(*at);
        bytes += json::serialize(entry).size();
        page.push_back(std::move(entry));
    }
    return page;
}

/// As listagents has it, with labels and facts.
json::object Fleet::entry_of(Ip const& ip) const
{
    auto entry = hosts_.agents().listed(ip);
    json::object labels;
    if (auto const* const own = labels_.find(ip)) {
        for (auto const& [key, value] : *own) labels[key] = value;
    }
    entry["labels"] = std::move(labels);
    auto const agent = hosts_.agents().agent(ip);
    entry["facts"] = agent && agent->facts ? *agent->facts : json::object();
    return entry;
}

asio::awaitable<Reply> Fleet::count(Count in, Caller caller)
{
    auto const by = Target::parse_field("by", in.by, &labels_.keys());
    if (by.kind == TargetField::Kind::seen)
        throw Error(
            codes::bad_target, "`by` is seen, which each host has another value of; give another field");
    struct Counts {
        std::size_t online = 0;
        std::size_t offline = 0;
    };
    auto counts = std::make_shared<std::map<std::string, Counts>>();
    auto others = std::make_shared<Counts>();
    TargetSearch::Visit const visit = [this, by, counts, others](TargetHost const& host) {
        auto const value = host.value(by, zone_).value_or("");
        bool const has_room = counts->size() < most_values || counts->contains(value);
        auto& of = has_room ? (*counts)[value] : *others;
        ++(host.agent && host.agent->online ? of.online : of.offline);
    };
    auto query = co_await search_.prepare(in.target.text, std::move(caller), false);
    auto const found = co_await search_.find(std::move(query), visit);
    json::array list;
    auto const add = [&](std::string_view value, Counts const& of) {
        list.push_back(
            json::object{{"value", value}, {"online", number(of.online)}, {"offline", number(of.offline)}});
    };
    for (auto const& [value, of] : *counts) add(value, of);
    if (others->online + others->offline > 0) add("other", *others);
    json::object fields{{"counts", std::move(list)}};
    add_found(fields, found);
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> Fleet::explain(Explain in, Caller caller)
{
    auto const query = co_await search_.prepare(in.target.text, std::move(caller), false);
    auto const host = hosts_.host(in.agentip);
    if (!host)
        throw Error(codes::no_agent, "no host has the address " + in.agentip.text() +
                                         ": it was never an agent, and the inventory has no record of it");
    TargetMatcher matcher(*query.target, *query.context, clock_.now());
    json::array parts;
    auto const add = [&](Target const& target) {
        each_part(target.root, [&](TargetPart const& part) {
            if (!is_leaf(part)) return;
            using Kind = TargetPart::Kind;
            bool const has_field =
                part.kind == Kind::test || part.kind == Kind::one_of || part.kind == Kind::has;
            auto const field = part.kind == Kind::name ? TargetField{TargetField::Kind::asset} : part.field;
            auto const value =
                has_field || part.kind == Kind::name ? host->value(field, zone_) : std::nullopt;
            parts.push_back(json::object{{"text", target.text.substr(part.from, part.to - part.from)},
                {"match", match_text(matcher.match_part(*host, part))}, {"value", value.value_or("")}});
        });
    };
    add(*query.target);
    for (auto const& [name, group] : query.context->groups) add(*group);
    co_return Reply({{"match", match_text(matcher.match(*host))}, {"parts", std::move(parts)}});
}

asio::awaitable<Reply> Fleet::set_labels(SetLabels in, Caller caller)
{
    for (auto const& key : in.unset) FieldType<LabelsGiven>::require_label_key("unset", key);
    if (in.labels.labels.empty() && in.unset.empty())
        throw Error(codes::bad_field, "neither `labels` nor `unset` names a label; give what is to change");
    for (auto const& key : in.unset) {
        if (in.labels.labels.contains(key))
            throw Error(codes::bad_field, "`labels` and `unset` both name " + key + "; give it once");
    }
    auto also = caller.also();
    auto found = co_await find_hosts(in.target.text, std::move(caller), false);
    if (!in.digest.empty() && in.digest != target_digest(found.hosts))
        throw Error(codes::list_changed, "`target` selects other hosts now than those of `digest`: " +
                                             number(found.hosts.size()) + "; look at them again");
    auto const hosts = found.hosts.size();
    LabelChange change{std::move(in.labels.labels), std::move(in.unset)};
    auto const changed = co_await labels_.change(std::move(found.hosts), std::move(change), std::move(also));
    co_return Reply({{"count", number(hosts)}, {"changed", number(changed)}});
}

asio::awaitable<Reply> Fleet::set_group(SetGroup in, Caller caller)
{
    auto const turn = co_await group_changes_.enter(clock_);
    auto const target = Target::parse(in.target.text, &labels_.keys());
    groups_.require_fits(in.name.text, target);
    // All that it names is there now.
    auto query = co_await search_.prepare(in.target.text, caller, false);
    FleetGroup group{in.name.text, in.target.text, in.note.text, caller.by(), clock_.now()};
    auto also = caller.also();
    co_await groups_.put(std::move(group), std::move(also));
    co_return Reply();
}

asio::awaitable<Reply> Fleet::delete_group(ByName in, Caller caller)
{
    auto const turn = co_await group_changes_.enter(clock_);
    if (!groups_.all().contains(in.name.text)) throw no_such_group(in.name.text);
    require_unused(in.name.text);
    auto also = caller.also();
    co_await groups_.erase(in.name.text, std::move(also));
    co_return Reply();
}

void Fleet::require_unused(std::string const& group) const
{
    std::vector<std::string> users;
    for (auto const& user : groups_.users_of(group)) users.push_back("the group " + user);
    for (auto const& source : group_users_) {
        auto const more = source(group);
        users.insert(users.end(), more.begin(), more.end());
    }
    if (users.empty()) return;
    constexpr std::size_t most_named = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(users.size(), most_named); ++i)
        text += (i == 0 ? "" : ", ") + users[i];
    if (users.size() > most_named) text += " and " + number(users.size() - most_named) + " more";
    throw Error(
        codes::group_in_use, "the group " + group + " is referred to by " + text + "; change that first");
}

asio::awaitable<json::object> Fleet::group_entry(FleetGroup group, Caller caller)
{
    json::object entry{{"name", group.name}, {"target", group.target}, {"note", group.note}, {"by", group.by},
        {"time", zone_.text(group.time)}};
    std::string fault;
    try {
        // As `@NAME`, for the caller did not name what stands in it.
        auto name = "@" + group.name;
        auto const found = co_await find_hosts(std::move(name), std::move(caller), true);
        entry["count"] = number(found.hosts.size());
    } catch (Error const& error) {
        fault = error.info();
    }
    // What it names may be gone by now.
    if (!fault.empty()) {
        entry["count"] = "0";
        entry["error"] = fault;
    }
    co_return entry;
}

asio::awaitable<Reply> Fleet::get_group(ByName in, Caller caller)
{
    auto const found = groups_.all().find(in.name.text);
    if (found == groups_.all().end()) throw no_such_group(in.name.text);
    auto group = found->second.group;
    auto entry = co_await group_entry(std::move(group), std::move(caller));
    json::array groups;
    groups.push_back(std::move(entry));
    co_return Reply(json::object{{"groups", std::move(groups)}});
}

asio::awaitable<Reply> Fleet::list_groups(Caller caller)
{
    std::vector<FleetGroup> all;
    for (auto const& [name, entry] : groups_.all()) all.push_back(entry.group);
    json::array groups;
    for (auto& group : all) {
        auto entry = co_await group_entry(std::move(group), caller);
        groups.push_back(std::move(entry));
    }
    co_return Reply(json::object{{"groups", std::move(groups)}});
}

} // namespace elves
