#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "audit/audit_page.hpp"
#include "audit/audit_record.hpp"
#include "elves/sql.hpp"

namespace elves {

/// How an audit trail lies in the file.
enum class TrailForm {
    rows,            ///< As older programs wrote it.
    page_for_each,   ///< Each record was a commit of its own.
    one_page,        ///< All were one commit.
    rows_then_pages, ///< The file of an older program, and this one has gone on.
};

inline void insert_old_row(Db& db, AuditRecord const& record)
{
    auto run = db.run(
        "INSERT INTO audit (seq, time, key, address, method, agent, app, func, target, param, allowed, "
        "changed, result, more, hash, proxy) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    run.bind(1, record.seq).bind(2, record.time);
    int index = 3;
    for (auto const* const field : {&record.key, &record.address, &record.method, &record.agent, &record.app,
             &record.func, &record.target, &record.param}) {
        run.bind(index++, std::string_view(*field));
    }
    run.bind(11, std::int64_t{record.allowed}).bind(12, std::int64_t{record.changed});
    run.bind(13, std::string_view(record.result)).bind(14, record.more);
    run.bind(15, std::string_view(record.hash)).bind(16, std::string_view(record.proxy));
    run.execute();
}

inline void insert_page(Db& db, audit::PageWriter& page)
{
    if (page.empty()) return;
    db.run("INSERT INTO audit_pages VALUES (?1, ?2, ?3, ?4)")
        .bind(1, page.first())
        .bind(2, page.last())
        .bind(3, page.newest())
        .bind_blob(4, page.bytes())
        .execute();
    page.clear();
}

/// Every record that can be read.
inline std::vector<AuditRecord> all_records(Db& db)
{
    return audit::rows(db, std::numeric_limits<std::int64_t>::min(), 1'000'000).records;
}

/// Puts `records` in the place of all that there are, whatever their hashes say.
inline void put_records(Db& db, std::vector<AuditRecord> records, TrailForm form)
{
    std::sort(records.begin(), records.end(), [](auto const& a, auto const& b) { return a.seq < b.seq; });
    db.script("DELETE FROM audit; DELETE FROM audit_pages");
    auto const rows = form == TrailForm::rows              ? records.size()
                      : form == TrailForm::rows_then_pages ? records.size() / 2
                                                           : 0;
    audit::PageWriter page;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (i < rows) {
            insert_old_row(db, records[i]);
            continue;
        }
        bool const is_next = !page.empty() && records[i].seq == page.last() + 1;
        if (form == TrailForm::page_for_each || !is_next) insert_page(db, page);
        page.add(records[i]);
    }
    insert_page(db, page);
}

/// Does to the trail what somebody with the file in his hands can do.
inline void tamper(Db& db, TrailForm form, std::function<void(std::vector<AuditRecord>&)> const& change)
{
    auto records = all_records(db);
    change(records);
    put_records(db, std::move(records), form);
}

} // namespace elves
