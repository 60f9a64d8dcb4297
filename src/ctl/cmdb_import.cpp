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

/// Records that go in one call: from `begin` to before `end`.
struct Batch {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// As many in each as a call takes.
std::vector<Batch> batches_of(std::vector<Record> const& records)
{
    constexpr std::size_t most_records = 1'000;
    constexpr std::size_t most_bytes = std::size_t{512} * 1024; // far under a server's usual max_frame
    std::vector<Batch> batches;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        auto const size = json::serialize(records[i].fields).size();
        bool const is_full =
            !batches.empty() && (i - batches.back().begin >= most_records || bytes + size > most_bytes);
        if (batches.empty() || is_full) {
            batches.push_back({i, i});
            bytes = 0;
        }
        batches.back().end = i + 1;
        bytes += size;
    }
    return batches;
}

class Import {
public:
    Import(Context const& with, std::vector<Record> const& records) : with_(with), records_(records) {}

    /// Where the server does not take them together, each goes alone: a fault of one is that one's, and a
    /// server that is older than this program has no call for many.
    asio::awaitable<void> send(Batch batch)
    {
        json::array rows;
        for (auto i = batch.begin; i < batch.end; ++i) rows.push_back(records_[i].fields);
        json::object fields{{"records", std::move(rows)}};
        auto const back = co_await with_.session.ask(
            "cmdbproxy", "setcmdbinfolist", std::move(fields), with_.session.limit());
        if (back.flag) {
            kept_ += batch.end - batch.begin;
            co_return;
        }
        for (auto i = batch.begin; i < batch.end; ++i) co_await send_one(records_[i]);
    }
    [[nodiscard]] std::size_t kept() const noexcept { return kept_; }
    /// In the order of the file.
    [[nodiscard]] json::array refused() const
    {
        json::array rows;
        for (auto const& [line, row] : refused_) rows.push_back(row);
        return rows;
    }

private:
    asio::awaitable<void> send_one(Record const& record)
    {
        auto fields = record.fields;
        auto const back =
            co_await with_.session.ask("cmdbproxy", "setcmdbinfo", std::move(fields), with_.session.limit());
        if (back.flag) {
            ++kept_;
            co_return;
        }
        refused_.emplace(
            record.line, json::object{{"line", std::to_string(record.line)},
                             {"agentip", record.fields.at("agentip")}, {"error_info", back.error_info}});
    }

    Context const& with_;
    std::vector<Record> const& records_;
    std::size_t kept_ = 0;
    std::map<std::size_t, json::object> refused_;
};

} // namespace

Exit cmdb_import(Context const& with)
{
    constexpr std::size_t parallel = 4; // calls; many writes share one commit of the server's store
    auto const records = read_records(with.args.text("FILE"));
    auto const batches = batches_of(records);
    Import importer(with, records);
    Session::Each const send = [&](std::size_t i) { return importer.send(batches[i]); };
    with.session.connect();
    with.session.each(batches.size(), parallel, send);
    auto const kept = importer.kept();
    auto const refused = importer.refused();
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
