#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/sql.hpp"
#include "elves/store.hpp"

namespace elves {

/// A record of the audit trail.
struct AuditRecord {
    std::int64_t seq = 0;
    std::int64_t time = 0; ///< UTC, ms.
    std::string key;       ///< "" without one.
    std::string address;
    std::string method; ///< `service.method`
    std::string agent, app, func;
    std::string proxy;  ///< `ins.proxy`: the file that it names; "" for none.
    std::string target; ///< The id of the task, cron job or key.
    std::string param;
    bool allowed = true;
    bool changed = false; ///< Written in the transaction of the change itself.
    std::string result = "ok";
    std::int64_t more = 0; ///< It stands for so many calls that are not told one by one.
    std::string hash;
};

/// A place in the chain: a row, and what its hash is.
struct ChainPoint {
    std::int64_t seq = 0;
    std::string hash;

    /// `SEQ:HASH`
    [[nodiscard]] std::string text() const { return std::to_string(seq) + ":" + hash; }
    [[nodiscard]] static std::optional<ChainPoint> parse(std::string_view text);
    friend bool operator==(ChainPoint const&, ChainPoint const&) = default;
};

/// The SQL of the audit trail; the only place with it. Any thread.
namespace audit {

/// In a module's glue only: brings the tables up to date.
void migrate(Store& store);

/// Appends `5:hello,`.
void append_netstring(std::string& bytes, std::string_view field);
/// SHA-256 over the hash of the row before and every field, each as a netstring. `proxy` is the last one, and
/// left out where it is empty: rows from before there was that field have the hash that they had.
[[nodiscard]] std::string hash_of(std::string_view before, AuditRecord const& record);

/// Adds the record behind the last one there is; `seq` and `hash` are not looked at. Inside a Transaction it
/// is written, with all others of that, just before the COMMIT; outside of one at once. Throws where the
/// trail has lost its beginning.
void append(Db& db, AuditRecord record);
/// The last record, or where an empty chain begins. Nothing where even that is gone.
[[nodiscard]] std::optional<ChainPoint> head(Db& db);
/// Where the chain begins: the record before the first one.
[[nodiscard]] std::optional<ChainPoint> start(Db& db);
[[nodiscard]] std::optional<ChainPoint> at(Db& db, std::int64_t seq);

/// A page that is not as the server wrote it.
struct DamagedPage {
    std::int64_t first = 0, last = 0; ///< The records that it should hold.
    std::int64_t seq = 0;             ///< The first of them that cannot be read.
};
struct Rows {
    std::vector<AuditRecord> records;
    std::optional<DamagedPage> damage; ///< Found behind `records`; nothing is read beyond it.
};
/// Records behind `after`, in their order.
[[nodiscard]] Rows rows(Db& db, std::int64_t after, std::int64_t limit);

struct Filter {
    std::optional<std::int64_t> since, until; ///< UTC, ms.
    std::optional<std::string> key, method, agent, app, target;
    bool denied_only = false;
};
struct Page {
    std::vector<AuditRecord> rows;
    std::optional<std::int64_t> after; ///< Where the next one goes on; nothing: that was all.
};
/// Records that fit, newest first, or oldest first; behind `after`. Looks at some 20,000 at most: a page may
/// be empty and not the last. What cannot be read of a damaged page is left out: `verify` finds it.
[[nodiscard]] Page list(
    Db& db, Filter const& filter, std::optional<std::int64_t> after, bool oldest_first, std::int64_t limit);

/// Deletes records from before that time, oldest first, about `limit` at most; a younger one ends it. Those
/// of one commit go together, once the last of them is that old. Returns how many.
std::int64_t prune(Db& db, std::int64_t before, std::int64_t limit);

} // namespace audit

} // namespace elves
