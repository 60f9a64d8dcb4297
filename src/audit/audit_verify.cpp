#include "audit/audit_verify.hpp"

#include <algorithm>

namespace elves::audit {

namespace {

/// Rows behind a broken one that are looked at to find out what happened to it.
constexpr std::int64_t rows_around = 200;

std::string row_text(std::int64_t seq) { return "row " + std::to_string(seq); }

Break missing(std::int64_t first, std::int64_t last)
{
    auto what = first == last
                    ? row_text(first) + " is missing"
                    : "rows " + std::to_string(first) + " to " + std::to_string(last) + " are missing";
    return {first, "missing", std::move(what)};
}

/// A row whose hash does not follow from the one before. Where a later row follows from its hash, it was that
/// one's neighbour when it was written.
Break not_following(Db& db, AuditRecord const& broken)
{
    auto const near = rows(db, broken.seq, rows_around).records;
    auto const follows = std::find_if(near.begin(), near.end(),
        [&](AuditRecord const& later) { return hash_of(broken.hash, later) == later.hash; });
    if (follows != near.end() && follows->seq != broken.seq + 1) {
        return {broken.seq, "reordered",
            row_text(broken.seq) + " was written as " + row_text(follows->seq - 1) + ", and moved here"};
    }
    return {broken.seq, "changed",
        row_text(broken.seq) + " is not what was written behind " + row_text(broken.seq - 1) +
            ": it was changed or exchanged, or the one before was and got a new hash"};
}

Break damaged(DamagedPage const& page)
{
    return {page.seq, "changed",
        "rows " + std::to_string(page.first) + " to " + std::to_string(page.last) +
            " are stored together, and not as they were written: from " + row_text(page.seq) +
            " on they cannot be read"};
}

/// Where to begin; or what is wrong with that.
std::optional<Break> begin(Db& db, std::optional<ChainPoint> const& from, Verdict& verdict)
{
    auto const first = start(db);
    if (!first) return Break{0, "missing", "the row that says where the trail begins is missing"};
    verdict.start = verdict.at = *first;
    if (!from) return std::nullopt;
    verdict.pruned = from->seq < first->seq;
    if (verdict.pruned) return std::nullopt;
    auto const there = from->seq == first->seq ? first : audit::at(db, from->seq);
    if (!there) {
        auto const last = head(db);
        verdict.at = last.value_or(*first);
        return missing(std::min(from->seq, verdict.at.seq + 1), from->seq);
    }
    if (there->hash != from->hash) {
        return Break{from->seq, "changed",
            row_text(from->seq) + " has the hash " + there->hash + ", not the one that was kept of it"};
    }
    verdict.at = *from;
    return std::nullopt;
}

} // namespace

Verdict verify(Db& db, std::optional<ChainPoint> const& from, std::int64_t limit)
{
    Verdict verdict;
    verdict.found = begin(db, from, verdict);
    if (verdict.found) return verdict;
    auto found = rows(db, verdict.at.seq, limit);
    for (auto& row : found.records) {
        if (row.seq != verdict.at.seq + 1) {
            verdict.found = missing(verdict.at.seq + 1, row.seq - 1);
        } else if (row.hash != hash_of(verdict.at.hash, row)) {
            verdict.found = not_following(db, row);
        }
        if (verdict.found) return verdict;
        verdict.at = {row.seq, std::move(row.hash)};
        ++verdict.checked;
    }
    if (found.damage) {
        verdict.found = damaged(*found.damage);
        return verdict;
    }
    verdict.more = verdict.checked == limit;
    return verdict;
}

json::object to_json(Verdict const& verdict)
{
    auto const word = [](bool yes) { return yes ? "true" : "false"; };
    json::object fields{{"checked", std::to_string(verdict.checked)}, {"start", verdict.start.text()},
        {"at", verdict.at.text()}, {"more", word(verdict.more)}, {"pruned", word(verdict.pruned)}};
    if (verdict.found) {
        fields["found"] = json::object{{"seq", std::to_string(verdict.found->seq)},
            {"kind", verdict.found->kind}, {"what", verdict.found->what}};
    }
    return fields;
}

} // namespace elves::audit
