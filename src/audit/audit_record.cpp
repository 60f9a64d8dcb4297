#include "audit/audit_record.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "audit_schema.hpp"
#include "core/sha256.hpp"

#define AUDIT_COLUMNS                                                                                        \
    "seq, time, key, address, method, agent, app, func, target, param, allowed, changed, result, more, "     \
    "hash, proxy"

namespace elves {

namespace {

constexpr std::string_view insert_row =
    "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
    " ?14, ?15, ?16)";
constexpr std::string_view select_last = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
constexpr std::string_view select_start = "SELECT seq, hash FROM audit_start";
constexpr std::string_view select_one = "SELECT seq, hash FROM audit WHERE seq = ?1";
constexpr std::string_view select_after =
    "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";

#define AUDIT_FILTER                                                                                         \
    " WHERE seq > ?1 AND seq < ?2 AND time >= ?3 AND time <= ?4 AND (?5 IS NULL OR key = ?5)"                \
    " AND (?6 IS NULL OR method = ?6 COLLATE NOCASE"                                                         \
    " OR substr(method, instr(method, '.') + 1) = ?6 COLLATE NOCASE)"                                        \
    " AND (?7 IS NULL OR agent = ?7) AND (?8 IS NULL OR app = ?8) AND (?9 IS NULL OR target = ?9)"           \
    " AND allowed <= ?10 ORDER BY seq"
constexpr std::string_view select_newest =
    "SELECT " AUDIT_COLUMNS " FROM audit" AUDIT_FILTER " DESC LIMIT ?11";
constexpr std::string_view select_oldest = "SELECT " AUDIT_COLUMNS " FROM audit" AUDIT_FILTER " LIMIT ?11";
constexpr std::string_view select_range = "SELECT min(seq), max(seq) FROM audit";

constexpr std::string_view select_old = "SELECT seq, time, hash FROM audit ORDER BY seq LIMIT ?1";
constexpr std::string_view delete_old = "DELETE FROM audit WHERE seq <= ?1";
constexpr std::string_view update_start = "UPDATE audit_start SET seq = ?1, hash = ?2";

/// Rows that one page looks at.
constexpr std::int64_t most_looked_at = 20'000;
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
    auto const last = head(db);
    if (!last) throw std::runtime_error("the audit trail has lost its beginning; restore a backup");
    record.seq = last->seq + 1;
    record.hash = hash_of(last->hash, record);
    auto run = db.run(insert_row);
    run.bind(1, record.seq).bind(2, record.time);
    int index = 3;
    for (auto const* const field : {&record.key, &record.address, &record.method, &record.agent, &record.app,
             &record.func, &record.target, &record.param}) {
        run.bind(index++, std::string_view(*field));
    }
    run.bind(11, std::int64_t{record.allowed}).bind(12, std::int64_t{record.changed});
    run.bind(13, std::string_view(record.result))
        .bind(14, record.more)
        .bind(15, std::string_view(record.hash))
        .bind(16, std::string_view(record.proxy));
    run.execute();
}

std::optional<ChainPoint> head(Db& db)
{
    auto last = point(db.run(select_last));
    return last ? last : start(db);
}

std::optional<ChainPoint> start(Db& db) { return point(db.run(select_start)); }

std::optional<ChainPoint> at(Db& db, std::int64_t seq)
{
    auto run = db.run(select_one);
    run.bind(1, seq);
    return point(std::move(run));
}

std::vector<AuditRecord> rows(Db& db, std::int64_t after, std::int64_t limit)
{
    std::vector<AuditRecord> all;
    auto run = db.run(select_after);
    run.bind(1, after).bind(2, limit);
    while (run.next()) all.push_back(read(run));
    return all;
}

Page list(
    Db& db, Filter const& filter, std::optional<std::int64_t> after, bool oldest_first, std::int64_t limit)
{
    std::int64_t first = 0;
    std::int64_t last = 0;
    {
        auto range = db.run(select_range);
        if (!range.next() || range.is_null(0)) return {};
        first = range.number(0);
        last = range.number(1);
    }
    // Between these two, both left out.
    auto below = first - 1;
    auto above = last + 1;
    if (after && oldest_first) below = std::max(below, *after);
    if (after && !oldest_first) above = std::min(above, *after);
    if (above - below < 2) return {};
    bool const is_rest = above - below - 1 <= most_looked_at;
    if (!is_rest)
        (oldest_first ? above : below) = oldest_first ? below + most_looked_at : above - most_looked_at;

    Page page;
    auto run = db.run(oldest_first ? select_oldest : select_newest);
    run.bind(1, below).bind(2, above);
    run.bind(3, filter.since.value_or(std::numeric_limits<std::int64_t>::min()));
    run.bind(4, filter.until.value_or(std::numeric_limits<std::int64_t>::max()));
    run.bind(5, filter.key).bind(6, filter.method).bind(7, filter.agent).bind(8, filter.app);
    run.bind(9, filter.target).bind(10, std::int64_t{filter.denied_only ? 0 : 1}).bind(11, limit);
    while (run.next()) page.rows.push_back(read(run));
    bool const is_full = page.rows.size() == static_cast<std::size_t>(limit);
    if (is_full) {
        page.after = page.rows.back().seq;
    } else if (!is_rest) {
        page.after = oldest_first ? above - 1 : below + 1;
    }
    return page;
}

std::int64_t prune(Db& db, std::int64_t before, std::int64_t limit)
{
    ChainPoint last;
    std::int64_t count = 0;
    {
        auto run = db.run(select_old);
        run.bind(1, limit);
        while (run.next() && run.number(1) < before) {
            last = {run.number(0), std::string(run.text(2))};
            ++count;
        }
    }
    if (count == 0) return 0;
    db.run(delete_old).bind(1, last.seq).execute();
    db.run(update_start).bind(1, last.seq).bind(2, std::string_view(last.hash)).execute();
    return count;
}

} // namespace audit

} // namespace elves
