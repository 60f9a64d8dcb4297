#include "ctl/csv.hpp"

#include "ctl/outcome.hpp"

namespace elves::ctl {

namespace {

class CsvReader {
public:
    explicit CsvReader(std::string_view text) : rest_(text) {}

    std::vector<CsvRow> read()
    {
        std::vector<CsvRow> rows;
        while (!rest_.empty()) {
            auto row = read_row();
            if (row.cells.size() > 1 || !row.cells.front().empty()) rows.push_back(std::move(row));
        }
        return rows;
    }

private:
    CsvRow read_row()
    {
        CsvRow row{line_, {}};
        do {
            row.cells.push_back(read_cell());
        } while (take(","));
        if (!rest_.empty() && !take("\r\n") && !take("\n")) {
            throw Usage("line " + std::to_string(line_) + ": text behind a closing quote");
        }
        ++line_;
        return row;
    }

    std::string read_cell()
    {
        if (!take("\"")) return read_plain();
        std::string cell;
        auto const began = line_;
        for (;;) {
            if (take("\"\"")) {
                cell += '"';
            } else if (take("\"")) {
                return cell;
            } else if (rest_.empty()) {
                throw Usage("line " + std::to_string(began) + ": a quote is not closed");
            } else {
                if (rest_.front() == '\n') ++line_;
                cell += rest_.front();
                rest_.remove_prefix(1);
            }
        }
    }

    std::string read_plain()
    {
        auto const end = std::min(rest_.find_first_of(",\n"), rest_.size());
        std::string cell(rest_.substr(0, end));
        if (cell.ends_with('\r') && (end == rest_.size() || rest_[end] == '\n')) cell.pop_back();
        if (cell.find('"') != std::string::npos) {
            throw Usage(
                "line " + std::to_string(line_) + ": a quote inside a cell that doesn't begin with one");
        }
        rest_.remove_prefix(end);
        return cell;
    }

    bool take(std::string_view what)
    {
        if (!rest_.starts_with(what)) return false;
        rest_.remove_prefix(what.size());
        return true;
    }

    std::string_view rest_;
    std::size_t line_ = 1;
};

} // namespace

std::string csv_line(std::vector<std::string> const& cells)
{
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) line += ',';
        if (cells[i].find_first_of("\",\r\n") == std::string::npos) {
            line += cells[i];
            continue;
        }
        line += '"';
        for (auto const c : cells[i]) line += c == '"' ? std::string("\"\"") : std::string(1, c);
        line += '"';
    }
    return line + "\r\n";
}

std::vector<CsvRow> read_csv(std::string_view text)
{
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    return CsvReader(text).read();
}

} // namespace elves::ctl
