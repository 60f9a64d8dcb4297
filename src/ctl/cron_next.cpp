#include "ctl/cron_next.hpp"

#include "elves/quartz_rule.hpp"

namespace elves::ctl {

namespace {

QuartzRule rule_of(Args const& args)
{
    try {
        return QuartzRule::parse(args.text("RULE"));
    } catch (Error const& error) {
        throw Usage(error.what()); // typed wrongly here, not refused by a server
    }
}

Zone zone_of(Args const& args)
{
    if (!args.has("--timezone")) return Zone::of_machine();
    auto const name = args.text("--timezone");
    auto const zone = Zone::named(name);
    if (!zone) throw Usage("--timezone is \"" + name + "\"; give a zone such as Europe/Berlin, or UTC");
    return *zone;
}

Instant start_of(Args const& args)
{
    if (!args.has("--from")) {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    auto const from = parse_iso(args.text("--from"));
    if (!from) {
        throw Usage("--from is \"" + args.text("--from") + "\"; give UTC, such as 2026-01-01T00:00:00Z");
    }
    return *from;
}

} // namespace

Exit cron_next(Context const& with)
{
    constexpr std::int64_t usual = 5;
    constexpr std::int64_t most = 100'000;
    auto const rule = rule_of(with.args);
    auto const zone = zone_of(with.args);
    auto const count = with.args.number("--count", usual, 1, most);
    json::array times;
    for (auto at = rule.next_after(start_of(with.args), zone); at; at = rule.next_after(*at, zone)) {
        times.emplace_back(iso_text(*at));
        with.out.line(iso_text(*at));
        if (std::cmp_equal(times.size(), count)) break;
    }
    if (times.empty()) with.out.line("never");
    with.out.document(document_of(true, "", {{"times", times}}));
    return Exit::well;
}

} // namespace elves::ctl
