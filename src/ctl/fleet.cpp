// Which hosts: hosts, label, group.
#include "ctl/ansible.hpp"
#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "ctl/put_not_empty.hpp"
#include "ctl/run_words.hpp"

namespace elves::ctl {

namespace {

/// `12 hosts; 3 undecided: they have no env, role`
std::string found_text(json::object const& reply)
{
    auto text = plain_field(reply, "count") + " hosts";
    auto const undecided = plain_field(reply, "undecided");
    if (undecided.empty() || undecided == "0") return text;
    std::string fields;
    if (auto const* const by = reply.if_contains("undecided_by"); by && by->is_array()) {
        for (auto const& field : by->get_array()) fields += (fields.empty() ? "" : ", ") + plain(field);
    }
    return text + "; " + undecided + " left out as undecided, for want of " + fields;
}

Exit explain(Context const& with)
{
    json::object fields{{"target", typed_target(with.args)}, {"agentip", with.args.text("--why")}};
    auto const reply = with.session.call("fleet", "explaintarget", std::move(fields));
    with.out.rows(reply, rows_of(reply), {"match", "text", "value"});
    with.out.line(with.args.text("--why") + ": " + plain_field(reply, "match"));
    return Exit::well;
}

Exit count_by(Context const& with)
{
    json::object fields{{"target", typed_target(with.args)}, {"by", with.args.text("--by")}};
    auto const reply = with.session.call("fleet", "counthosts", std::move(fields));
    with.out.rows(reply, rows_of(reply), {"value", "online", "offline"});
    with.out.line(found_text(reply));
    return Exit::well;
}

std::vector<std::string> addresses_of(Context const& with, std::string const& target)
{
    std::vector<std::string> addresses;
    auto const reply = with.session.list("fleet", "findagents", {{"target", target}, {"limit", 1000}});
    for (auto const& row : rows_of(reply)) addresses.push_back(plain_field(row.as_object(), "agentip"));
    return addresses;
}

/// Of the groups that mean something now: one that names what is gone has an `error`.
GroupMembers members_of_groups(Context const& with)
{
    GroupMembers members;
    auto const reply = with.session.call("fleet", "listgroups", {});
    for (auto const& row : rows_of(reply)) {
        auto const& group = row.as_object();
        if (!plain_field(group, "error").empty()) continue;
        auto const name = plain_field(group, "name");
        members[name] = addresses_of(with, "@" + name);
    }
    return members;
}

/// JSON with and without --json: Ansible reads it.
Exit inventory(Context const& with)
{
    auto const reply =
        with.session.list("fleet", "findagents", {{"target", typed_target(with.args)}, {"limit", 1000}});
    auto const inventory = ansible_inventory(rows_of(reply), members_of_groups(with));
    with.out.document(inventory);
    with.out.raw(json::serialize(inventory) + "\n");
    return Exit::well;
}

Exit hosts(Context const& with)
{
    if (with.args.has("--ansible")) return inventory(with);
    if (with.args.has("--why")) return explain(with);
    if (with.args.has("--by")) return count_by(with);
    json::object fields{{"target", typed_target(with.args)}};
    if (with.args.has("--count")) {
        fields["limit"] = 1;
        auto const reply = with.session.call("fleet", "findagents", std::move(fields));
        with.out.document(reply);
        with.out.line(found_text(reply));
        return Exit::well;
    }
    fields["limit"] = 1000;
    auto const reply = with.session.list("fleet", "findagents", fields);
    with.out.rows(
        reply, rows_of(reply), {"agentip", "status", "asset", "os", "version", "labels", "last_hb_time"});
    with.out.line(found_text(reply));
    return Exit::well;
}

Exit label_set(Context const& with)
{
    json::object labels;
    for (auto const& pair : with.args.all("LABELS")) {
        auto const equal = pair.find('=');
        if (equal == std::string::npos || equal == 0)
            throw Usage(
                "\"" + pair + "\" is no label; give KEY=VALUE, and put the target before it in quotes");
        labels[pair.substr(0, equal)] = pair.substr(equal + 1);
    }
    auto const reply = with.session.call(
        "fleet", "setlabels", {{"target", with.args.text("TARGET")}, {"labels", std::move(labels)}});
    with.out.document(reply);
    with.out.line(plain_field(reply, "count") + " hosts, " + plain_field(reply, "changed") + " changed");
    return Exit::well;
}

Exit label_unset(Context const& with)
{
    json::array unset;
    for (auto const& key : with.args.all("KEYS")) unset.emplace_back(key);
    auto const reply = with.session.call(
        "fleet", "setlabels", {{"target", with.args.text("TARGET")}, {"unset", std::move(unset)}});
    with.out.document(reply);
    with.out.line(plain_field(reply, "count") + " hosts, " + plain_field(reply, "changed") + " changed");
    return Exit::well;
}

Exit group_set(Context const& with)
{
    json::object fields{{"name", with.args.text("NAME")}, {"target", typed_target(with.args)}};
    put_not_empty(with.args, fields, "note", "--note");
    with.out.document(with.session.call("fleet", "setgroup", std::move(fields)));
    with.out.line("set the group " + with.args.text("NAME"));
    return Exit::well;
}

Exit group_list(Context const& with)
{
    auto const reply = with.session.call("fleet", "listgroups", {});
    with.out.rows(reply, rows_of(reply), {"name", "count", "target", "note", "by", "time", "error"});
    return Exit::well;
}

Exit group_show(Context const& with)
{
    auto const reply = with.session.call("fleet", "getgroup", {{"name", with.args.text("NAME")}});
    with.out.document(reply);
    for (auto const& row : rows_of(reply)) {
        if (row.is_object() && !with.out.is_json()) with.out.fields(row.get_object());
    }
    return Exit::well;
}

Exit group_delete(Context const& with)
{
    with.out.document(with.session.call("fleet", "delgroup", {{"name", with.args.text("NAME")}}));
    with.out.line("deleted the group " + with.args.text("NAME"));
    return Exit::well;
}

} // namespace

std::span<Command const> hosts_commands()
{
    static std::vector<Command> const all{
        {"hosts", "List the hosts that a target expression selects, such as env=prod and os=linux.",
            {many("TARGET", "The expression, in quotes where it has brackets or < and >: docs/targets.md.")
                    .of(Completes::target),
                flag("--count", "Only say how many."),
                flag("--ansible", "Print them as an inventory for Ansible's plug-in `script`: JSON, with the "
                                  "groups label_KEY_VALUE, "
                                  "os_OS, status_STATUS and group_NAME."),
                may("--by", "Count them by the values of this field."),
                may("--why", "Show what each test of the expression says of this host.")
                    .of(Completes::agent)},
            hosts},
    };
    return all;
}

std::span<Command const> label_commands()
{
    static auto const target =
        needs("TARGET", "Which hosts: an expression in quotes (docs/targets.md).").of(Completes::target);
    static std::vector<Command> const all{
        {"set", "Give hosts labels.", {target, many("LABELS", "KEY=VALUE, several of them.")}, label_set},
        {"unset", "Take labels from hosts.", {target, many("KEYS", "The labels' keys.")}, label_unset},
    };
    return all;
}

std::span<Command const> group_commands()
{
    static auto const name = needs("NAME", "Of a-z, 0-9, `_`, `.`, `-`.").of(Completes::group);
    static std::vector<Command> const all{
        {"set", "Name a target expression, or give a group another one.",
            {name, many("TARGET", "Which hosts (docs/targets.md).").of(Completes::target),
                may("--note", "What it is for.")},
            group_set},
        {"list", "List the groups, and how many hosts each has now.", {}, group_list},
        {"show", "Show one group.", {name}, group_show},
        {"del", "Delete a group that nothing refers to.", {name}, group_delete},
    };
    return all;
}

} // namespace elves::ctl
