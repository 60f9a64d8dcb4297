#include "audit/audit_verify.hpp"
#include "ctl/command.hpp"
#include "ctl/page_guard.hpp"
#include "ctl/printable.hpp"
#include "elves/json_fields.hpp"
#include "store/open_db.hpp"

namespace elves::ctl {

namespace {

constexpr std::int64_t rows_a_step = 20'000;

json::object filter_of(Context const& with)
{
    auto const& args = with.args;
    json::object filter;
    put_time(with, filter, "since", "--since", Bound::from);
    put_time(with, filter, "until", "--until", Bound::until);
    args.put(filter, "key", "--by");
    args.put(filter, "method", "--method");
    args.put(filter, "agentip", "--agent");
    args.put(filter, "app", "--app");
    args.put(filter, "id", "--id");
    args.put(filter, "after", "--after");
    if (args.has("--denied")) filter["denied"] = true;
    return filter;
}

/// Every row, oldest first, a line each: they may be more than memory holds.
Exit export_rows(Context const& with, json::object filter, std::size_t most)
{
    filter["order"] = "oldest";
    PageGuard guard;
    for (std::size_t left = most; left > 0;) {
        filter["limit"] = std::min<std::size_t>(left, 1'000);
        auto const page = with.session.call("elves", "listaudit", filter);
        for (auto const& row : rows_of(page)) with.out.document(row.as_object());
        left -= std::min(left, rows_of(page).size());
        auto const next = plain_field(page, "next");
        if (next.empty()) break;
        guard.advance(next, rows_of(page).size());
        filter["after"] = next;
    }
    return Exit::well;
}

Exit list(Context const& with)
{
    constexpr std::int64_t usual = 100;
    constexpr std::int64_t all = 1'000'000'000'000;
    auto const limit =
        static_cast<std::size_t>(with.args.number("--limit", with.out.is_json() ? all : usual, 1, all));
    auto const filter = filter_of(with);
    if (with.out.is_json()) return export_rows(with, filter, limit);
    auto const reply = with.session.list("elves", "listaudit", filter, limit);
    with.out.rows(reply, rows_of(reply),
        {"seq", "time", "key", "address", "method", "agentip", "app", "func", "proxy", "id", "result",
            "more"});
    auto const next = plain_field(reply, "next");
    if (!next.empty()) with.out.note("there are more: --after " + next);
    return Exit::well;
}

std::runtime_error no_progress(json::object const& verdict)
{
    return std::runtime_error("audit verify: the server's answer does not advance: checked " +
                              plain_field(verdict, "checked") + ", at " + plain_field(verdict, "at") +
                              ", more " + plain_field(verdict, "more") +
                              "; expected a later row each time. Verify the file itself: --store FILE");
}

ChainPoint place_of(json::object const& verdict)
{
    auto place = ChainPoint::parse(plain_field(verdict, "at"));
    if (!place) throw no_progress(verdict);
    return *std::move(place);
}

std::int64_t rows_checked(json::object const& verdict)
{
    auto const rows = whole_number(plain_field(verdict, "checked"));
    if (!rows || *rows < 0) throw no_progress(verdict);
    return *rows;
}

/// Asks one step after the other, until the chain's end or its first break. What the last step found.
template <class Step>
json::object verify_from(std::string from, Step const& step)
{
    std::int64_t checked = 0;
    std::string start;
    std::int64_t at = -1;
    // An honest server checks thousands of rows in a step.
    constexpr int most_steps = 100'000;
    for (int steps = 0;; ++steps) {
        auto verdict = step(from);
        if (steps == most_steps) throw no_progress(verdict);
        auto const place = place_of(verdict);
        auto const rows = rows_checked(verdict);
        // A number as good as any: the whole chain has no more rows than its last row's number.
        if (rows > place.seq - checked) throw no_progress(verdict);
        checked += rows;
        if (start.empty()) start = plain_field(verdict, "start");
        from = place.text();
        if (plain_field(verdict, "more") == "true" && !verdict.contains("found")) {
            if (place.seq <= at || rows == 0) throw no_progress(verdict);
            at = place.seq;
            continue;
        }
        verdict["checked"] = std::to_string(checked);
        verdict["start"] = start;
        return verdict;
    }
}

json::object step_in_file(Db& db, std::string const& from)
{
    return to_json(audit::verify(db, from.empty() ? std::nullopt : ChainPoint::parse(from), rows_a_step));
}

std::string kept_row(std::string const& kept) { return "row " + kept.substr(0, kept.find(':')); }

/// Who may write the file can cut off its beginning, and have it look as if that was only old.
json::object cut_off(std::string const& kept)
{
    return {{"seq", kept.substr(0, kept.find(':'))}, {"kind", "pruned"},
        {"what", kept_row(kept) + " was pruned, or cut off: it can't be compared; keep a newer head, or give "
                                  "--may-be-pruned"}};
}

/// Of the whole chain, and then of what was kept of it.
template <class Step>
json::object verified(std::string const& kept, bool may_be_pruned, Step const& step)
{
    auto whole = verify_from("", step);
    if (kept.empty() || whole.contains("found")) return whole;
    auto const since = step(kept);
    whole["pruned"] = since.at("pruned");
    if (auto const* const found = since.if_contains("found")) {
        whole["found"] = *found;
    } else if (plain_field(since, "pruned") == "true" && !may_be_pruned) {
        whole["found"] = cut_off(kept);
    }
    return whole;
}

Exit verify(Context const& with)
{
    auto const kept = with.args.text("--head");
    if (!kept.empty() && !ChainPoint::parse(kept))
        throw Usage("--head is \"" + kept + "\"; give SEQ:HASH, as verify printed it");
    bool const may_be_pruned = with.args.has("--may-be-pruned");
    if (may_be_pruned && kept.empty()) throw Usage("--may-be-pruned is about --head; give both");
    json::object verdict;
    if (with.args.has("--store")) {
        auto const db = open_db(with.args.text("--store"), Access::read_only);
        verdict =
            verified(kept, may_be_pruned, [&](std::string const& from) { return step_in_file(*db, from); });
    } else {
        verdict = verified(kept, may_be_pruned, [&](std::string const& from) {
            json::object const fields = from.empty() ? json::object{} : json::object{{"from", from}};
            return with.session.call("elves", "verifyaudit", fields);
        });
    }
    bool const is_broken = verdict.contains("found");
    verdict.erase("more");
    with.out.document(document_of(!is_broken, is_broken ? plain_field(verdict, "found.what") : "", verdict));
    if (is_broken)
        with.out.line(
            "WRONG " + plain_field(verdict, "found.kind") + ": " + plain_field(verdict, "found.what"));
    if (!kept.empty() && !is_broken) {
        with.out.line(plain_field(verdict, "pruned") == "true"
                          ? kept_row(kept) + " was pruned: it can't be compared any more"
                          : "what was kept of " + kept_row(kept) + " is there");
    }
    with.out.line(plain_field(verdict, "checked") + " rows follow from " + plain_field(verdict, "start"));
    with.out.line("head " + plain_field(verdict, "at"));
    return is_broken ? Exit::task_failed : Exit::well;
}

Exit audit_or_verify(Context const& with)
{
    bool const is_verify = with.args.text("WHAT", "list") == "verify";
    for (auto const* const name : {"--head", "--may-be-pruned", "--store"}) {
        if (!is_verify && with.args.has(name)) throw Usage(std::string(name) + " is for audit verify");
    }
    return is_verify ? verify(with) : list(with);
}

} // namespace

std::span<Command const> audit_commands()
{
    static std::vector<Command> const all{
        {"audit",
            "List who asked for what, newest first; with --json all of it, oldest first, a line for each. "
            "With "
            "verify: check that it is as it was written, and end with 1 where it is not.",
            {one_of("WHAT", "Left out: list.", {"list", "verify"}), may("--since", since_help),
                may("--until", "Up to this time."),
                may("--by", "Only what this key asked for.").of(Completes::key),
                may("--method", "Only this one: sendasync, or sheduler.sendasync."),
                may("--agent", "Only about this IP.").of(Completes::agent),
                may("--app", "Only about this app.").of(Completes::app),
                may("--id", "Only about the task, cron job or key with this id."),
                flag("--denied", "Only what was denied."),
                may("--limit", "At most so many (100; with --json all)."),
                may("--after", "What comes after the one named here: a list's next."),
                may("--head", "verify: SEQ:HASH as it was printed before; it has to be there still."),
                flag("--may-be-pruned", "verify: the row of --head may be gone by age."),
                may("--store", "verify: this data file, in place of the server's, whether one runs or not.")
                    .of(Completes::file)},
            audit_or_verify},
    };
    return all;
}

} // namespace elves::ctl
