#include "server/audit_methods.hpp"

#include "audit/audit_record.hpp"
#include "audit/audit_verify.hpp"
#include "elves/instruction.hpp"
#include "elves/lower_case.hpp"
#include "elves/worker_report.hpp"

namespace elves {

namespace {

constexpr std::int64_t longest_page = 1'000;
/// A page ends earlier when its JSON has that many bytes: it has to fit into a frame (`server.max_frame`).
constexpr std::size_t page_bytes = 1024 * 1024;
/// Rows that one call follows; some 0.1 s of the store's reading thread.
constexpr std::int64_t rows_a_step = 20'000;

struct List {
    std::optional<std::string> since, until, key, method, id, order;
    std::optional<Ip> agentip;
    std::optional<AppName> app;
    bool denied = false;
    std::optional<std::int64_t> after;
    std::int64_t limit = 100;
};

struct Verify {
    std::optional<std::string> from;
};

std::int64_t time_of(std::string_view field, std::string const& text, Zone const& zone)
{
    auto const time = read_time(text, zone);
    if (!time) throw Error(codes::bad_field, field_is(field, text) + "; give YYYY-MM-DD HH:MM:SS");
    return time->time_since_epoch().count();
}

audit::Filter filter_of(List const& in, Zone const& zone)
{
    audit::Filter filter;
    if (in.since) filter.since = time_of("since", *in.since, zone);
    if (in.until) filter.until = time_of("until", *in.until, zone);
    filter.key = in.key;
    if (in.method) filter.method = lower_case(*in.method);
    filter.target = in.id;
    if (in.agentip) filter.agent = in.agentip->text();
    if (in.app) filter.app = in.app->text;
    filter.denied_only = in.denied;
    return filter;
}

bool is_oldest_first(List const& in)
{
    if (!in.order || *in.order == "newest") return false;
    if (*in.order == "oldest") return true;
    throw Error(codes::bad_field, field_is("order", *in.order) + "; give newest or oldest");
}

/// What a key may not touch, it does not hear of here either.
bool may_see(Caller const& caller, AuditRecord const& record)
{
    auto const agent = Ip::parse(record.agent);
    if (agent && !caller.may_touch(*agent)) return false;
    if (record.app.empty()) return true;
    if (record.func.empty()) return caller.may_use(record.app);
    Instruction ins;
    ins.app = record.app;
    ins.func = record.func;
    return caller.may_run(ins);
}

/// A row as it travels, and as a line of an export.
json::object to_json(AuditRecord const& record, Zone const& zone)
{
    auto const word = [](bool yes) { return yes ? "true" : "false"; };
    json::object row{{"seq", record.seq},
        {"time", zone.text(Instant(std::chrono::milliseconds(record.time)))}, {"time_ms", record.time},
        {"key", record.key}, {"address", record.address}, {"method", record.method},
        {"agentip", record.agent}, {"app", record.app}, {"func", record.func}, {"id", record.target},
        {"param", record.param}, {"allowed", word(record.allowed)}, {"changed", word(record.changed)},
        {"result", record.result}, {"more", record.more}, {"hash", record.hash}};
    if (!record.proxy.empty()) row["proxy"] = record.proxy;
    return row;
}

asio::awaitable<Reply> list(Store& store, Zone zone, List in, Caller caller)
{
    if (in.limit < 1 || in.limit > longest_page)
        throw Error(codes::bad_field, "`limit` is " + std::to_string(in.limit) + "; give 1 to 1000");
    if (in.after && *in.after < 0)
        throw Error(codes::bad_field, "`after` is " + std::to_string(*in.after) + "; give a row's seq");
    std::function<audit::Page(Db&)> work = [filter = filter_of(in, zone), after = in.after,
                                               oldest = is_oldest_first(in), limit = in.limit](Db& db) {
        return audit::list(db, filter, after, oldest, limit);
    };
    auto const page = co_await store.scan<audit::Page>(std::move(work));
    json::array rows;
    std::size_t bytes = 0;
    auto next = page.after;
    for (auto const& record : page.rows) {
        if (bytes >= page_bytes) break;
        next = record.seq;
        if (!may_see(caller, record)) continue;
        auto row = to_json(record, zone);
        bytes += json::serialize(row).size();
        rows.push_back(std::move(row));
    }
    json::object fields{{"rows", std::move(rows)}};
    bool const is_cut = !page.rows.empty() && next != page.rows.back().seq;
    if (page.after && !is_cut) next = page.after;
    if (page.after || is_cut) fields["next"] = std::to_string(*next);
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> verify(Store& store, Verify in)
{
    std::optional<ChainPoint> from;
    if (in.from) {
        from = ChainPoint::parse(*in.from);
        if (!from)
            throw Error(codes::bad_field, field_is("from", *in.from) + "; give SEQ:HASH, as `at` has it");
    }
    std::function<audit::Verdict(Db&)> work = [from](Db& db) { return audit::verify(db, from, rows_a_step); };
    auto const verdict = co_await store.scan<audit::Verdict>(std::move(work));
    co_return Reply(audit::to_json(verdict));
}

} // namespace

void declare_audit_methods(MethodTable& table, Store& store, Zone const& zone)
{
    table
        .call<List>("listaudit", Right::manage,
            {optional("since", &List::since), optional("until", &List::until), optional("key", &List::key),
                optional("method", &List::method), optional("agentip", &List::agentip),
                optional("app", &List::app), optional("id", &List::id), optional("denied", &List::denied),
                optional("order", &List::order), optional("after", &List::after),
                optional("limit", &List::limit)},
            "Who asked for what, from where, and what came of it.",
            [&store, zone](
                List in, Caller const& caller) { return list(store, zone, std::move(in), caller); })
        .only_reads()
        .cut_by_ip()
        .cut_by_app();
    table
        .call<Verify>("verifyaudit", Right::manage, {optional("from", &Verify::from)},
            "Is each row of the audit trail as it was written, and none missing?",
            [&store](Verify in, Caller const&) { return verify(store, std::move(in)); })
        .only_reads();
}

} // namespace elves
