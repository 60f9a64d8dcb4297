#include "ctl/cmdb_import.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "core/utf8.hpp"
#include "ctl/csv.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

struct Record {
    std::size_t line = 0;
    json::object fields;
};

std::string read_file(std::string const& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) throw Usage("can't be read");
    std::ostringstream text;
    text << file.rdbuf();
    if (!is_utf8(text.str())) throw Usage("is not UTF-8");
    return std::move(text).str();
}

std::vector<std::string> header_of(std::vector<CsvRow> const& rows)
{
    auto header = rows.empty() ? std::vector<std::string>() : rows.front().cells;
    // All of them: a record is replaced as a whole, and a column left out would empty that field.
    if (!std::is_permutation(header.begin(), header.end(), cmdb_columns.begin(), cmdb_columns.end())) {
        throw Usage("line 1: the columns are not agentip,sn,iplist,idc,main_cat,sub_cat,app_info,manager (in "
                    "any order)");
    }
    return header;
}

Record record_of(CsvRow const& row, std::vector<std::string> const& header)
{
    auto const where = "line " + std::to_string(row.line) + ": ";
    if (row.cells.size() != header.size()) {
        throw Usage(where + std::to_string(row.cells.size()) + " cells; the header has " +
                    std::to_string(header.size()));
    }
    Record record{row.line, {}};
    for (std::size_t i = 0; i < header.size(); ++i) record.fields[header[i]] = row.cells[i];
    std::string const agent(record.fields["agentip"].get_string());
    if (!Ip::parse(agent)) throw Usage(where + "agentip is \"" + agent + "\"; give an IPv4 or IPv6 address");
    return record;
}

std::vector<Record> read_records(std::string const& path)
{
    try {
        auto const rows = read_csv(read_file(path));
        auto const header = header_of(rows);
        std::vector<Record> records;
        std::map<Ip, std::size_t> seen;
        for (auto row = rows.begin() + 1; row != rows.end(); ++row) {
            records.push_back(record_of(*row, header));
            auto const ip = Ip::parse(plain_field(records.back().fields, "agentip")).value_or(Ip());
            auto const [first, fresh] = seen.emplace(ip, row->line);
            if (fresh) continue;
            throw Usage("line " + std::to_string(row->line) + ": " + ip.text() + " stands in line " +
                        std::to_string(first->second) + " already; keep one of them");
        }
        return records;
    } catch (Usage const& error) {
        throw Usage(path + ": " + error.what());
    }
}

} // namespace

Exit cmdb_import(Context const& with)
{
    constexpr std::size_t parallel = 64; // many writes share one commit of the server's store
    auto const records = read_records(with.args.text("FILE"));
    std::size_t kept = 0;
    json::array refused;
    Session::Each const send = [&](std::size_t i) -> asio::awaitable<void> {
        auto fields = records[i].fields;
        auto const back =
            co_await with.session.ask("cmdbproxy", "setcmdbinfo", std::move(fields), with.session.limit());
        if (back.flag) {
            ++kept;
        } else {
            refused.push_back(json::object{{"line", std::to_string(records[i].line)},
                {"agentip", records[i].fields.at("agentip")}, {"error_info", back.error_info}});
        }
    };
    with.session.connect();
    with.session.each(records.size(), parallel, send);
    for (auto const& line : refused) {
        auto const& row = line.get_object();
        with.out.note("line " + std::string(row.at("line").get_string()) + ": " +
                      std::string(row.at("error_info").get_string()));
    }
    auto const count = std::to_string(kept);
    with.out.line(count + " of " + std::to_string(records.size()) + " records kept");
    auto const error_info = refused.empty() ? "" : std::to_string(refused.size()) + " records were refused";
    with.out.document(document_of(refused.empty(), error_info, {{"kept", count}, {"refused", refused}}));
    return refused.empty() ? Exit::well : Exit::refused;
}

} // namespace elves::ctl
