#include <algorithm>
#include <unistd.h>

#include "ctl/cmdb_import.hpp"
#include "ctl/csv.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

json::object by_ip(Context const& with) { return {{"agentip", with.args.address("IP").text()}}; }

Exit get(Context const& with)
{
    with.out.fields(with.session.call("cmdbproxy", "getcmdbinfobyip", by_ip(with)));
    return Exit::well;
}

json::object changes_of(Args const& args)
{
    json::object changes;
    for (auto const& change : args.all("FIELD")) {
        auto const name = change.substr(0, change.find('='));
        bool const is_field =
            std::find(cmdb_columns.begin() + 1, cmdb_columns.end(), name) != cmdb_columns.end();
        if (name.size() == change.size() || !is_field) {
            throw Usage("\"" + change +
                        "\"; give FIELD=VALUE, the field one of sn, iplist, idc, main_cat, sub_cat, "
                        "app_info, manager");
        }
        changes[name] = change.substr(name.size() + 1);
    }
    return changes;
}

/// The record as it is, for the server replaces it as a whole; nothing where there is none yet.
json::object record_of(Context const& with)
{
    auto record = by_ip(with);
    try {
        auto const reply = with.session.call("cmdbproxy", "getcmdbinfobyip", record);
        for (auto const name : cmdb_columns) {
            if (auto const* const value = reply.if_contains(name)) record[name] = *value;
        }
    } catch (Refused const& refused) {
        auto const none = "[" + std::string(codes::no_cmdb_record.text) + "]";
        if (!std::string_view(refused.what()).starts_with(none)) throw;
    }
    return record;
}

Exit set(Context const& with)
{
    auto const changes = changes_of(with.args);
    auto record = record_of(with);
    for (auto const& [name, value] : changes) record[name] = value;
    with.out.document(with.session.call("cmdbproxy", "setcmdbinfo", record));
    with.out.line("set " + plain_field(record, "agentip"));
    return Exit::well;
}

Exit list(Context const& with)
{
    constexpr std::int64_t no_limit = 1'000'000'000;
    auto const most = with.args.number("--limit", no_limit, 1, no_limit);
    auto const reply = with.session.list("cmdbproxy", "listcmdbinfo", {}, static_cast<std::size_t>(most));
    with.out.rows(reply, rows_of(reply), {cmdb_columns.begin(), cmdb_columns.end()});
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const record = by_ip(with);
    with.out.document(with.session.call("cmdbproxy", "delcmdbinfo", record));
    with.out.line("deleted " + plain_field(record, "agentip"));
    return Exit::well;
}

Exit export_all(Context const& with)
{
    auto const reply = with.session.list("cmdbproxy", "listcmdbinfo", {});
    with.out.document(reply);
    // Into a file as it is; on a terminal nothing that came from elsewhere may steer it.
    bool const is_terminal = ::isatty(STDOUT_FILENO) == 1;
    with.out.raw(csv_line({cmdb_columns.begin(), cmdb_columns.end()}));
    for (auto const& row : rows_of(reply)) {
        if (!row.is_object()) continue;
        std::vector<std::string> cells;
        for (auto const name : cmdb_columns) {
            auto const cell = plain_field(row.get_object(), name);
            cells.push_back(is_terminal ? printable(cell) : cell);
        }
        with.out.raw(csv_line(cells));
    }
    return Exit::well;
}

} // namespace

std::span<Command const> cmdb_commands()
{
    static auto const ip = needs("IP", "The machine's agent.").of(Completes::agent);
    static std::vector<Command> const all{
        {"get", "Show one machine's record.", {ip}, get},
        {"set", "Change fields of a record; make one where there is none.",
            {ip, many("FIELD", "Of sn, iplist, idc, main_cat, sub_cat, app_info, manager.")}, set},
        {"list", "List the records.", {may("--limit", "At most so many.")}, list},
        {"del", "Delete one machine's record.", {ip}, erase},
        {"import", "Import records from a CSV file: add or replace them.",
            {needs("FILE", "Its first line: agentip,sn,iplist,idc,main_cat,sub_cat,app_info,manager.")
                    .of(Completes::file)},
            cmdb_import},
        {"export", "Export all records as CSV (RFC 4180).", {}, export_all},
    };
    return all;
}

} // namespace elves::ctl
