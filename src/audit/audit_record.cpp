#include "audit/audit_record.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <stdexcept>

#include "audit/audit_page.hpp"
#include "audit_schema.hpp"
#include "elves/lower_case.hpp"
#include "elves/sha256.hpp"

namespace elves {

namespace {

constexpr std::string_view insert_page =
    "INSERT OR FAIL INTO audit_pages (first, last, newest, records) VALUES (?1, ?2, ?3, ?4)";
constexpr std::string_view select_start = "SELECT seq, hash FROM audit_start";
constexpr std::string_view select_last_page =
    "SELECT last, records FROM audit_pages ORDER BY first DESC LIMIT 1";
constexpr std::string_view select_first_page = "SELECT first FROM audit_pages ORDER BY first LIMIT 1";
// From the page that has the record ?1 on.
#define AUDIT_PAGES                                                                                          \
    "SELECT first, last, records FROM audit_pages WHERE first < ?2 AND first >= "                            \
    "coalesce((SELECT max(first) FROM audit_pages WHERE first <= ?1), ?1) ORDER BY first"
constexpr std::string_view select_pages = AUDIT_PAGES;
constexpr std::string_view select_pages_backwards = AUDIT_PAGES " DESC";
constexpr std::string_view select_old_pages =
    "SELECT first, last, newest, records FROM audit_pages ORDER BY first LIMIT ?1";
constexpr std::string_view delete_old_pages = "DELETE FROM audit_pages WHERE first <= ?1";
constexpr std::string_view update_start = "UPDATE audit_start SET seq = ?1, hash = ?2";

// What older programs wrote, a row for each record: all of it comes before the pages.
#define AUDIT_ROWS                                                                                           \
    "SELECT seq, time, key, address, method, agent, app, func, target, param, allowed, changed, result, "    \
    "more, hash, proxy FROM audit WHERE seq > ?1 AND seq < ?2 ORDER BY seq"
constexpr std::string_view select_rows = AUDIT_ROWS;
constexpr std::string_view select_rows_backwards = AUDIT_ROWS " DESC";
constexpr std::string_view select_first_row = "SELECT seq, hash FROM audit ORDER BY seq LIMIT 1";
constexpr std::string_view select_last_row = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
constexpr std::string_view select_one_row = "SELECT seq, hash FROM audit WHERE seq = ?1";
constexpr std::string_view select_old_rows = "SELECT seq, time, hash FROM audit ORDER BY seq LIMIT ?1";
constexpr std::string_view delete_old_rows = "DELETE FROM audit WHERE seq <= ?1";

constexpr std::string_view select_page_table =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit_pages'";

/// Records that one page of a list looks at.
constexpr std::int64_t most_looked_at = 20'000;
/// A commit with more than that has several rows: whoever asks for one record reads one row.
constexpr std::size_t page_bytes = 65'536;
constexpr std::size_t hash_length = 64;

void add(std::string& bytes, std::string_view field) { audit::append_netstring(bytes, field); }

void add(std::string& bytes, std::int64_t number) { add(bytes, std::to_string(number)); }

AuditRecord read(Run const& row)
{
    AuditRecord record;
    record.seq = row.number(0);
    record.time = row.number(1);
    int column = 2;
    for (auto* const field : {&record.key, &record.address, &record.method, &record.agent, &record.app,
             &record.func, &record.target, &record.param}) {
        *field = row.text(column++);
    }
    record.allowed = row.number(10) != 0;
    record.changed = row.number(11) != 0;
    record.result = row.text(12);
    record.more = row.number(13);
    record.hash = row.text(14);
    record.proxy = row.text(15);
    return record;
}

std::optional<ChainPoint> point(Run run)
{
    if (!run.next()) return std::nullopt;
    return ChainPoint{run.number(0), std::string(run.text(1))};
}

/// False in a file that no program of this version has opened yet.
bool has_pages(Db& db) { return db.run(select_page_table).next(); }

std::optional<ChainPoint> last_of_pages(Db& db)
{
    if (!has_pages(db)) return std::nullopt;
    auto run = db.run(select_last_page);
    if (!run.next()) return std::nullopt;
    return ChainPoint{run.number(0), audit::last_hash(run.blob(1))};
}

/// The last record in the file.
std::optional<ChainPoint> stored_head(Db& db)
{
    if (auto last = last_of_pages(db)) return last;
    auto last = point(db.run(select_last_row));
    return last ? last : audit::start(db);
}

/// The records of the transaction under way, and where the chain ends with them.
class StagedRecords final : public TransactionPart {
public:
    void add(Db& db, AuditRecord&& record)
    {
        if (!head_) head_ = stored_head(db);
        if (!head_) throw std::runtime_error("the audit trail has lost its beginning; restore a backup");
        if (head_->seq == std::numeric_limits<std::int64_t>::max())
            throw std::runtime_error("the audit trail's last row was changed by hand; restore a backup");
        record.seq = head_->seq + 1;
        record.hash = audit::hash_of(head_->hash, record);
        head_->seq = record.seq;
        head_->hash = record.hash;
        page_.add(std::move(record));
        if (page_.bytes().size() >= page_bytes) before_commit(db);
    }
    [[nodiscard]] std::optional<ChainPoint> const& head() const noexcept { return head_; }

    void before_commit(Db& db) override
    {
        if (page_.empty()) return;
        db.run(insert_page)
            .bind(1, page_.first())
            .bind(2, page_.last())
            .bind(3, page_.newest())
            .bind_blob(4, page_.bytes())
            .execute();
        page_.clear();
    }
    void on_rollback() noexcept override
    {
        page_.clear();
        head_.reset();
    }

private:
    std::optional<ChainPoint> head_; ///< Nothing: to be read from the file.
    audit::PageWriter page_;
};

/// Records between these two, both left out.
struct Range {
    std::int64_t below = 0;
    std::int64_t above = 0;
    bool is_oldest_first = true;

    [[nodiscard]] bool has(std::int64_t seq) const noexcept { return seq > below && seq < above; }
};

/// False: that was enough.
using Visit = std::function<bool(AuditRecord)>;

bool visit_rows(Db& db, Range const& range, Visit const& visit)
{
    auto run = db.run(range.is_oldest_first ? select_rows : select_rows_backwards);
    run.bind(1, range.below).bind(2, range.above);
    while (run.next()) {
        if (!visit(read(run))) return false;
    }
    return true;
}

bool visit_page(std::vector<AuditRecord> records, Range const& range, Visit const& visit)
{
    if (!range.is_oldest_first) std::reverse(records.begin(), records.end());
    for (auto& record : records) {
        if (range.has(record.seq) && !visit(std::move(record))) return false;
    }
    return true;
}

/// `on_damage` is called behind the records of a damaged page; false ends it as `visit` does.
bool visit_pages(Db& db, Range const& range, Visit const& visit,
    std::function<bool(audit::DamagedPage const&)> const& on_damage)
{
    if (!has_pages(db)) return true;
    auto run = db.run(range.is_oldest_first ? select_pages : select_pages_backwards);
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    run.bind(1, range.below == largest ? largest : range.below + 1).bind(2, range.above);
    while (run.next()) {
        auto const first = run.number(0);
        auto const last = run.number(1);
        auto page = audit::decode_page(first, last, run.blob(2));
        auto const count = static_cast<std::int64_t>(page.records.size());
        bool const has_last = count > 0 && page.records.back().seq == last;
        if (!visit_page(std::move(page.records), range, visit)) return false;
        if (!page.is_whole && !on_damage({first, last, has_last ? last : first + count})) return false;
    }
    return true;
}

bool equals_ignoring_case(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
        [](char left, char right) { return lower_case(left) == lower_case(right); });
}

/// `service.method`, or the method alone.
bool is_method(std::string_view method, std::string_view wanted)
{
    return equals_ignoring_case(method, wanted) ||
           equals_ignoring_case(method.substr(method.find('.') + 1), wanted);
}

bool fits(audit::Filter const& filter, AuditRecord const& record)
{
    auto const is = [](std::optional<std::string> const& wanted, std::string const& text) {
        return !wanted || *wanted == text;
    };
    if (filter.since && record.time < *filter.since) return false;
    if (filter.until && record.time > *filter.until) return false;
    if (filter.denied_only && record.allowed) return false;
    if (filter.method && !is_method(record.method, *filter.method)) return false;
    return is(filter.key, record.key) && is(filter.agent, record.agent) && is(filter.app, record.app) &&
           is(filter.target, record.target);
}

/// The record before the first one, and the last one; nothing where there are none.
std::optional<Range> whole_trail(Db& db)
{
    std::optional<std::int64_t> first;
    if (auto const row = point(db.run(select_first_row))) first = row->seq;
    if (!first && has_pages(db)) {
        auto page = db.run(select_first_page);
        if (page.next()) first = page.number(0);
    }
    auto const last = stored_head(db);
    if (!first || !last) return std::nullopt;
    // What was written by hand may have any number.
    constexpr auto most = std::numeric_limits<std::int64_t>::max() / 2;
    return Range{std::clamp<std::int64_t>(*first, 1, most) - 1,
        std::clamp<std::int64_t>(last->seq, 0, most) + 1, true};
}

/// Writes down that `last` is the record before the first one.
void move_start(Db& db, ChainPoint const& last)
{
    db.run(update_start).bind(1, last.seq).bind(2, std::string_view(last.hash)).execute();
}

std::int64_t prune_rows(Db& db, std::int64_t before, std::int64_t limit)
{
    ChainPoint last;
    std::int64_t count = 0;
    {
        auto run = db.run(select_old_rows);
        run.bind(1, limit);
        while (run.next() && run.number(1) < before) {
            last = {run.number(0), std::string(run.text(2))};
            ++count;
        }
    }
    if (count == 0) return 0;
    db.run(delete_old_rows).bind(1, last.seq).execute();
    move_start(db, last);
    return count;
}

std::int64_t prune_pages(Db& db, std::int64_t before, std::int64_t limit)
{
    ChainPoint last;
    std::int64_t last_page = 0;
    std::int64_t count = 0;
    {
        auto run = db.run(select_old_pages);
        run.bind(1, limit);
        while (count < limit && run.next() && run.number(2) < before) {
            last_page = run.number(0);
            last = {run.number(1), audit::last_hash(run.blob(3))};
            // A page that was changed by hand says what it likes.
            bool const is_sound = last_page > 0 && last.seq >= last_page;
            count += is_sound ? std::min<std::int64_t>(last.seq - last_page, page_bytes) + 1 : 1;
        }
    }
    if (count == 0) return 0;
    db.run(delete_old_pages).bind(1, last_page).execute();
    move_start(db, last);
    return count;
}

} // namespace

std::optional<ChainPoint> ChainPoint::parse(std::string_view text)
{
    ChainPoint point;
    auto const* const end = text.data() + text.size();
    auto const [rest, failure] = std::from_chars(text.data(), end, point.seq);
    if (failure != std::errc() || rest == end || *rest != ':') return std::nullopt;
    point.hash.assign(rest + 1, end);
    bool const is_hash = point.hash.size() == hash_length &&
                         point.hash.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_hash && point.seq >= 0 ? std::optional(point) : std::nullopt;
}

namespace audit {

void append_netstring(std::string& bytes, std::string_view field)
{
    bytes.append(std::to_string(field.size())).append(1, ':').append(field).append(1, ',');
}

void migrate(Store& store) { store.migrate("audit", audit_schema); }

std::string hash_of(std::string_view before, AuditRecord const& record)
{
    thread_local Sha256 sha256;
    thread_local std::string bytes;
    bytes.clear();
    add(bytes, before);
    add(bytes, record.seq);
    add(bytes, record.time);
    for (auto const* const field : {&record.key, &record.address, &record.method, &record.agent, &record.app,
             &record.func, &record.target, &record.param}) {
        add(bytes, *field);
    }
    add(bytes, std::int64_t{record.allowed});
    add(bytes, std::int64_t{record.changed});
    add(bytes, record.result);
    add(bytes, record.more);
    if (!record.proxy.empty()) add(bytes, record.proxy);
    return sha256.hex(bytes);
}

void append(Db& db, AuditRecord record)
{
    auto& staged = db.part<StagedRecords>();
    if (db.has_transaction()) return staged.add(db, std::move(record));
    // Nobody says when it ends: nothing is remembered of it.
    staged.on_rollback();
    StagedRecords alone;
    alone.add(db, std::move(record));
    alone.before_commit(db);
}

std::optional<ChainPoint> head(Db& db)
{
    if (!db.has_transaction()) return stored_head(db);
    auto const& staged = db.part<StagedRecords>().head();
    return staged ? staged : stored_head(db);
}

std::optional<ChainPoint> start(Db& db) { return point(db.run(select_start)); }

std::optional<ChainPoint> at(Db& db, std::int64_t seq)
{
    auto run = db.run(select_one_row);
    run.bind(1, seq);
    if (auto found = point(std::move(run))) return found;
    auto one = rows(db, seq - 1, 1).records;
    if (one.empty() || one.front().seq != seq) return std::nullopt;
    return ChainPoint{seq, std::move(one.front().hash)};
}

Rows rows(Db& db, std::int64_t after, std::int64_t limit)
{
    Rows found;
    if (limit <= 0) return found;
    auto const take = [&](AuditRecord record) {
        found.records.push_back(std::move(record));
        return found.records.size() < static_cast<std::size_t>(limit);
    };
    Range const range{after, std::numeric_limits<std::int64_t>::max(), true};
    if (!visit_rows(db, range, take)) return found;
    visit_pages(db, range, take, [&](DamagedPage const& damaged) {
        found.damage = damaged;
        return false;
    });
    return found;
}

Page list(
    Db& db, Filter const& filter, std::optional<std::int64_t> after, bool oldest_first, std::int64_t limit)
{
    auto range = whole_trail(db);
    if (!range) return {};
    range->is_oldest_first = oldest_first;
    if (after && oldest_first) range->below = std::max(range->below, *after);
    if (after && !oldest_first) range->above = std::min(range->above, *after);
    if (range->above - range->below < 2) return {};
    bool const is_rest = range->above - range->below - 1 <= most_looked_at;
    if (!is_rest && oldest_first) range->above = range->below + most_looked_at;
    if (!is_rest && !oldest_first) range->below = range->above - most_looked_at;

    Page page;
    auto const take = [&](AuditRecord record) {
        if (fits(filter, record)) page.rows.push_back(std::move(record));
        return page.rows.size() < static_cast<std::size_t>(limit);
    };
    auto const go_on = [](DamagedPage const&) { return true; };
    bool const is_full = oldest_first
                             ? !(visit_rows(db, *range, take) && visit_pages(db, *range, take, go_on))
                             : !(visit_pages(db, *range, take, go_on) && visit_rows(db, *range, take));
    if (is_full) {
        page.after = page.rows.back().seq;
    } else if (!is_rest) {
        page.after = oldest_first ? range->above - 1 : range->below + 1;
    }
    return page;
}

std::int64_t prune(Db& db, std::int64_t before, std::int64_t limit)
{
    auto const count = prune_rows(db, before, limit);
    bool const are_rows_left = point(db.run(select_first_row)).has_value();
    return are_rows_left ? count : count + prune_pages(db, before, limit - count);
}

} // namespace audit

} // namespace elves
