#include <algorithm>
#include <iostream>
#include <set>
#include <unistd.h>

#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "ctl/times.hpp"

namespace elves::ctl {

namespace {

/// Of one call; each is one transaction of the server's.
constexpr std::size_t at_once = 100;
constexpr std::size_t no_limit = 1'000'000'000;

std::vector<std::string> typed_addresses(Args const& args)
{
    std::set<Ip> all;
    for (auto const& text : args.all("IP")) {
        auto const ip = Ip::parse(text);
        if (!ip) throw Usage("\"" + text + "\" is no address; expected IPv4 or IPv6 addresses");
        all.insert(*ip);
    }
    std::vector<std::string> addresses;
    for (auto const& ip : all) addresses.push_back(ip.text());
    return addresses;
}

std::vector<std::string> unseen(Context const& with)
{
    auto const typed = with.args.text("--unseen-for");
    auto const duration = typed_duration(typed);
    if (!duration || duration->count() == 0)
        throw Usage("--unseen-for is \"" + typed + "\"; expected a duration such as 90d or 12h");
    auto const reply =
        with.session.list("heartbeat", "listagents", {{"unseen_for", duration->count()}}, no_limit);
    std::vector<std::string> addresses;
    for (auto const& row : rows_of(reply)) {
        if (row.is_object()) addresses.push_back(plain_field(row.get_object(), "agentip"));
    }
    return addresses;
}

/// Asks or orders, some at a time; the rows of all.
json::array ask(Context const& with, std::vector<std::string> const& addresses, bool is_plan)
{
    json::array all;
    for (std::size_t first = 0; first < addresses.size(); first += at_once) {
        auto const last = std::min(first + at_once, addresses.size());
        json::array some;
        for (auto i = first; i < last; ++i) some.emplace_back(addresses[i]);
        json::object fields{{"iplist", std::move(some)}, {"plan", is_plan}};
        if (with.args.has("--force")) fields["force"] = true;
        auto const reply = with.session.call("heartbeat", "forgetagents", std::move(fields));
        for (auto const& row : rows_of(reply)) all.push_back(row);
    }
    return all;
}

void refuse_online(Context const& with, json::array const& rows)
{
    if (with.args.has("--force")) return;
    std::string online;
    for (auto const& row : rows) {
        if (row.is_object() && plain_field(row.get_object(), "status") == "online")
            online += (online.empty() ? "" : ", ") + plain_field(row.get_object(), "agentip");
    }
    if (online.empty()) return;
    throw std::runtime_error(
        "online: " + online + "; stop elves-agent there first, or give --force: its link is closed then");
}

bool is_confirmed(std::size_t count)
{
    if (::isatty(STDIN_FILENO) != 1)
        throw Usage("nothing was forgotten: give --yes, or answer the question in a terminal");
    std::cerr << "Forget " << (count == 1 ? "this machine" : "these " + std::to_string(count) + " machines")
              << ", with keys, cron jobs and inventory as listed? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

Exit forget(Context const& with)
{
    bool const is_by_age = with.args.has("--unseen-for");
    if (is_by_age == !with.args.all("IP").empty())
        throw Usage("give the machines' addresses, or --unseen-for DURATION");
    bool const is_plan = with.args.has("--plan");
    if (with.out.is_json() && !is_plan && !with.args.has("--yes"))
        throw Usage("--json asks no question; give --yes, or --plan to see what there is");
    auto const addresses = is_by_age ? unseen(with) : typed_addresses(with.args);
    if (addresses.empty()) {
        with.out.document({{"agents", json::array()}});
        with.out.line("no machine is offline for that long");
        return Exit::well;
    }
    auto rows = ask(with, addresses, true);
    json::object const planned{{"agents", rows}};
    if (!with.out.is_json() || is_plan)
        with.out.rows(
            planned, rows, {"agentip", "status", "asset", "last_hb_time", "keys", "cron_jobs", "inventory"});
    if (is_plan) return Exit::well;
    refuse_online(with, rows);
    if (!with.args.has("--yes") && !is_confirmed(addresses.size())) {
        with.out.line("nothing was forgotten");
        return Exit::refused;
    }
    rows = ask(with, addresses, false);
    with.out.document({{"agents", rows}});
    with.out.line("forgotten: " + std::to_string(rows.size()));
    return Exit::well;
}

} // namespace

std::span<Command const> forget_commands()
{
    static std::vector<Command> const all{
        {"forget",
            "Forget machines: their records, the keys bound to just them, their cron jobs and inventory.",
            {Arg{"IP", "Their addresses.", Arg::Takes::many}.of(Completes::agent),
                may("--unseen-for",
                    "In place of addresses: all that were not seen for that long, such as 90d."),
                flag("--plan", "Only list what would be taken."), flag("--yes", "Do not ask."),
                flag("--force", "Forget also machines that are online; their links are closed.")},
            forget},
    };
    return all;
}

} // namespace elves::ctl
