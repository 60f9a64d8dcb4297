#include "target_match.hpp"

#include <algorithm>

#include "version_order.hpp"

namespace elves {

namespace {

using Kind = TargetPart::Kind;
using Field = TargetField::Kind;

Match of(bool yes) { return yes ? Match::yes : Match::no; }

std::optional<std::string_view> not_empty(std::string_view text)
{
    return text.empty() ? std::nullopt : std::optional(text);
}

/// Nothing for what is not there; "" for an app without a version.
std::optional<std::string_view> entry(json::object const* object, std::string_view key)
{
    auto const* const found = object ? object->if_contains(key) : nullptr;
    if (!found || !found->is_string()) return std::nullopt;
    return std::string_view(found->get_string());
}

std::string_view status_of(TargetHost const& host)
{
    if (!host.agent) return "unknown";
    return host.agent->online ? "online" : "offline";
}

/// A field that is text, as it stands in memory. Not of `ip` and `seen`.
std::optional<std::string_view> text_of(TargetHost const& host, TargetField const& field)
{
    auto const of_agent = [&](auto member) {
        return host.agent ? not_empty((*host.agent).*member) : std::nullopt;
    };
    auto const of_machine = [&](auto member) {
        return host.machine ? not_empty((*host.machine).*member) : std::nullopt;
    };
    switch (field.kind) {
    case Field::label: {
        if (!host.labels) return std::nullopt;
        auto const found = host.labels->find(field.key);
        return found == host.labels->end() ? std::nullopt : std::optional<std::string_view>(found->second);
    }
    case Field::asset:
        return of_agent(&AgentView::asset);
    case Field::os:
        return of_agent(&AgentView::os);
    case Field::agent:
        return of_agent(&AgentView::version);
    case Field::status:
        return status_of(host);
    case Field::app:
        return entry(host.agent ? host.agent->apps : nullptr, field.key);
    case Field::fact:
        return entry(host.agent ? host.agent->facts : nullptr, field.key);
    case Field::sn:
        return of_machine(&InventoryView::sn);
    case Field::idc:
        return of_machine(&InventoryView::idc);
    case Field::main_cat:
        return of_machine(&InventoryView::main_cat);
    case Field::sub_cat:
        return of_machine(&InventoryView::sub_cat);
    case Field::app_info:
        return of_machine(&InventoryView::app_info);
    case Field::manager:
        return of_machine(&InventoryView::manager);
    case Field::ip:
    case Field::seen:
        break;
    }
    return std::nullopt;
}

bool fits_order(TargetOp op, std::strong_ordering order)
{
    switch (op) {
    case TargetOp::equal:
        return order == 0;
    case TargetOp::not_equal:
        return order != 0;
    case TargetOp::less:
        return order < 0;
    case TargetOp::less_or_equal:
        return order <= 0;
    case TargetOp::greater:
        return order > 0;
    case TargetOp::greater_or_equal:
        return order >= 0;
    case TargetOp::like:
    case TargetOp::not_like:
        break;
    }
    return false;
}

/// Every IPv4 address before every IPv6 address.
std::strong_ordering compare_addresses(Ip const& a, Ip const& b)
{
    if (a.is_v4() != b.is_v4()) return a.is_v4() ? std::strong_ordering::less : std::strong_ordering::greater;
    return a <=> b;
}

bool test_text(TargetPart const& part, std::string_view text)
{
    auto const& wanted = part.values.front();
    switch (part.op) {
    case TargetOp::equal:
        return text == wanted;
    case TargetOp::not_equal:
        return text != wanted;
    case TargetOp::like:
        return part.glob->matches(text);
    case TargetOp::not_like:
        return !part.glob->matches(text);
    default:
        return fits_order(part.op, compare_versions(text, wanted));
    }
}

bool has(TargetHost const& host, TargetField const& field)
{
    if (field.kind == Field::ip) return true;
    if (field.kind == Field::seen) return host.agent.has_value();
    return text_of(host, field).has_value();
}

} // namespace

std::string_view match_text(Match match) noexcept
{
    if (match == Match::undecided) return "undecided";
    return match == Match::yes ? "true" : "false";
}

std::optional<std::string> TargetHost::value(TargetField const& field, Zone const& zone) const
{
    if (field.kind == Field::ip) return ip.text();
    if (field.kind == Field::seen) return agent ? std::optional(zone.text(agent->last_heard)) : std::nullopt;
    auto const text = text_of(*this, field);
    return text ? std::optional(std::string(*text)) : std::nullopt;
}

TargetMatcher::TargetMatcher(Target const& target, TargetContext const& context, Instant now)
    : target_(target), context_(context), now_(now)
{
    look_for_facts(target.root);
    for (auto const& [name, group] : context.groups) {
        groups_.emplace(name, std::nullopt);
        look_for_facts(group->root);
    }
}

void TargetMatcher::look_for_facts(TargetPart const& root)
{
    each_part(root, [this](TargetPart const& part) {
        bool const tests = part.kind == Kind::test || part.kind == Kind::one_of || part.kind == Kind::has;
        if (tests && part.field.kind == Field::fact) rests_on_facts_ = true;
    });
}

Match TargetMatcher::match(TargetHost const& host)
{
    for (auto& [name, match] : groups_) match.reset();
    return part(target_.root, host);
}

Match TargetMatcher::match_part(TargetHost const& host, TargetPart const& one)
{
    for (auto& [name, match] : groups_) match.reset();
    return part(one, host);
}

void TargetMatcher::add_undecided(TargetHost const& host, std::set<std::string>& fields)
{
    undecided(target_.root, host, fields);
}

void TargetMatcher::undecided(TargetPart const& one, TargetHost const& host, std::set<std::string>& fields)
{
    if (part(one, host) != Match::undecided) return;
    if (one.kind == Kind::test || one.kind == Kind::one_of) fields.insert(one.field.text());
    if (one.kind == Kind::name) fields.insert("asset");
    if (one.kind == Kind::group) undecided(context_.groups.find(one.text)->second->root, host, fields);
    for (auto const& below : one.parts) undecided(below, host, fields);
}

Match TargetMatcher::part(TargetPart const& one, TargetHost const& host)
{
    switch (one.kind) {
    case Kind::all:
        return Match::yes;
    case Kind::both: {
        auto least = Match::yes;
        for (auto const& below : one.parts) {
            least = std::min(least, part(below, host));
            if (least == Match::no) break;
        }
        return least;
    }
    case Kind::either: {
        auto most = Match::no;
        for (auto const& below : one.parts) {
            most = std::max(most, part(below, host));
            if (most == Match::yes) break;
        }
        return most;
    }
    case Kind::negation: {
        auto const inner = part(one.parts.front(), host);
        return inner == Match::undecided ? inner : of(inner == Match::no);
    }
    case Kind::place:
        return of(host.ip.is_v4() == one.first.is_v4() && !(host.ip < one.first) && !(one.last < host.ip));
    case Kind::name: {
        auto const asset = text_of(host, {Field::asset});
        return asset ? of(*asset == one.text) : Match::undecided;
    }
    case Kind::group:
        return group(one.text, host);
    case Kind::run:
        return of(is_in_run(one, host.ip));
    case Kind::has:
        return of(has(host, one.field));
    case Kind::test:
    case Kind::one_of:
        return test(one, host);
    }
    return Match::no;
}

Match TargetMatcher::group(std::string const& name, TargetHost const& host)
{
    auto& known = groups_.find(name)->second;
    if (!known) known = part(context_.groups.find(name)->second->root, host);
    return *known;
}

bool TargetMatcher::is_in_run(TargetPart const& one, Ip const& ip) const
{
    auto const found = context_.runs.find({one.run, one.run_state});
    return found != context_.runs.end() && std::binary_search(found->second.begin(), found->second.end(), ip);
}

Match TargetMatcher::test(TargetPart const& one, TargetHost const& host) const
{
    bool const is_list = one.kind == Kind::one_of;
    if (one.field.kind == Field::ip) {
        if (is_list)
            return of(std::find(one.addresses.begin(), one.addresses.end(), host.ip) != one.addresses.end());
        return of(fits_order(one.op, compare_addresses(host.ip, one.addresses.front())));
    }
    if (one.field.kind == Field::seen) {
        if (!host.agent) return Match::undecided;
        auto const age = host.agent->online ? std::chrono::milliseconds(0) : now_ - host.agent->last_heard;
        return of(fits_order(one.op, age <=> std::chrono::milliseconds(one.age)));
    }
    auto const text = text_of(host, one.field);
    // An app that is there without a version: `has` says so, and nothing can be said of its version.
    if (!text || (text->empty() && one.field.has_versions())) return Match::undecided;
    if (is_list) return of(std::find(one.values.begin(), one.values.end(), *text) != one.values.end());
    return of(test_text(one, *text));
}

} // namespace elves
