#include "ctl/output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

constexpr std::array<std::string_view, 5> envelope{"mqt", "mqs", "mqf", "flag", "error_info"};

void write(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

void add_fields(std::vector<std::pair<std::string, std::string>>& lines, std::string const& before,
    json::object const& fields)
{
    for (auto const& [name, value] : fields) {
        bool const is_ours =
            std::find(envelope.begin(), envelope.end(), std::string_view(name)) == envelope.end();
        if (before.empty() && !is_ours) continue;
        if (value.is_object()) {
            add_fields(lines, before + std::string(name) + '.', value.get_object());
        } else {
            lines.emplace_back(printable(before + std::string(name)), printable_lines(plain(value)));
        }
    }
}

} // namespace

Table::Table(std::vector<std::string> const& names, std::size_t widest) : widest_(widest) { add(names); }

void Table::add(std::vector<std::string> const& cells)
{
    std::vector<std::string> row;
    row.reserve(cells.size());
    for (auto const& cell : cells) row.push_back(cut_to(printable(cell), widest_));
    rows_.push_back(std::move(row));
}

std::string Table::text() const
{
    std::vector<std::size_t> widths(rows_.front().size());
    for (auto const& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string out;
    for (auto const& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            out.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        out.erase(out.find_last_not_of(' ') + 1);
        out += '\n';
    }
    return out;
}

void Output::document(json::object const& reply) const
{
    if (is_json_) write(stdout, json_line(reply) + '\n');
}

void Output::line(std::string_view text) const
{
    if (!is_json_) write(stdout, printable(text) + '\n');
}

void Output::raw(std::string_view text) const
{
    if (!is_json_) write(stdout, text);
}

void Output::note(std::string_view text) const { write(stderr, "elvesctl: " + printable(text) + '\n'); }

void Output::fields(json::object const& reply) const
{
    if (is_json_) return document(reply);
    std::vector<std::pair<std::string, std::string>> lines;
    add_fields(lines, "", reply);
    std::size_t width = 0;
    for (auto const& line : lines) width = std::max(width, width_of(line.first));
    for (auto const& [name, value] : lines) {
        std::string text = name + std::string(width - width_of(name) + 2, ' ');
        for (auto const c : value) {
            text += c;
            if (c == '\n') text.append(width + 2, ' '); // further lines stand under the first
        }
        text.erase(text.find_last_not_of(" \n") + 1);
        raw(text + '\n');
    }
}

void Output::rows(
    json::object const& reply, json::array const& rows, std::vector<std::string_view> const& columns) const
{
    if (is_json_) return document(reply);
    Table table({columns.begin(), columns.end()});
    for (auto const& row : rows) {
        if (!row.is_object()) continue;
        std::vector<std::string> cells;
        for (auto const column : columns) cells.push_back(plain_field(row.get_object(), column));
        table.add(cells);
    }
    raw(table.text());
    if (reply.contains("left_out")) note("what this key may not see is left out");
}

json::object document_of(bool flag, std::string_view error_info, json::object const& fields)
{
    json::object whole{{"flag", flag ? "true" : "false"}, {"error_info", error_info}};
    for (auto const& [name, value] : fields) {
        if (std::find(envelope.begin(), envelope.end(), std::string_view(name)) == envelope.end())
            whole[name] = value;
    }
    return whole;
}

} // namespace elves::ctl
