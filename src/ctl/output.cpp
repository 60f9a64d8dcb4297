#include "ctl/output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <unistd.h>

#include "ctl/outcome.hpp"
#include "ctl/printable.hpp"
#include "ctl/terminal.hpp"
#include "ctl/times.hpp"

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
            lines.emplace_back(before + std::string(name), plain(value));
        }
    }
}

/// The names under which fields of `fields` can be columns.
void add_names(std::set<std::string>& names, std::string const& before, json::object const& fields)
{
    for (auto const& [name, value] : fields) {
        auto const whole = before + std::string(name);
        names.insert(whole);
        if (value.is_object()) add_names(names, whole + '.', value.get_object());
    }
}

} // namespace

Output::Output(Display display, ZoneSource zone)
    : display_(std::move(display))
    , zone_(std::move(zone))
    , is_terminal_(terminal_of(STDOUT_FILENO).is_terminal)
    , has_color_(terminal_of(STDOUT_FILENO).has_color)
{
}

void Output::document(json::object const& reply) const
{
    if (!display_.is_json) return;
    json::value whole = reply;
    if (has_times(whole)) {
        if (auto const in = zone()) whole = with_offsets(std::move(whole), *in);
    }
    write(stdout, json_line(whole) + '\n');
}

void Output::line(std::string_view text) const
{
    if (!display_.is_json) write(stdout, printable(text) + '\n');
}

void Output::raw(std::string_view text) const
{
    if (!display_.is_json) write(stdout, text);
}

void Output::note(std::string_view text) const { write(stderr, "elvesctl: " + printable(text) + '\n'); }

void Output::fields(json::object const& reply) const
{
    if (display_.is_json) return document(reply);
    json::value whole = reply;
    if (has_times(whole)) {
        if (auto const in = zone()) whole = with_offsets(std::move(whole), *in);
    }
    std::vector<std::pair<std::string, std::string>> lines;
    add_fields(lines, "", whole.get_object());
    pairs(lines);
}

void Output::pairs(std::vector<std::pair<std::string, std::string>> const& lines) const
{
    std::size_t width = 0;
    for (auto const& line : lines) width = std::max(width, width_of(printable(line.first)));
    for (auto const& [typed_name, value] : lines) {
        auto const name = printable(typed_name);
        std::string text = name + std::string(width - width_of(name) + 2, ' ');
        for (auto const c : printable_lines(value)) {
            text += c;
            if (c == '\n') text.append(width + 2, ' '); // further lines stand under the first
        }
        text.erase(text.find_last_not_of(" \n") + 1);
        raw(text + '\n');
    }
}

std::vector<std::string> Output::columns_of(
    json::array const& rows, std::vector<std::string_view> const& usual) const
{
    if (display_.columns.empty()) return {usual.begin(), usual.end()};
    std::set<std::string> known(usual.begin(), usual.end());
    for (auto const& row : rows) {
        if (auto const* const fields = row.if_object()) add_names(known, "", *fields);
    }
    for (auto const& column : display_.columns) {
        if (known.contains(column)) continue;
        std::string names;
        for (auto const& name : known) names += (names.empty() ? "" : ", ") + name;
        throw Usage("--columns names \"" + column + "\"; expected some of " + names);
    }
    return display_.columns;
}

void Output::rows(
    json::object const& reply, json::array const& rows, std::vector<std::string_view> const& columns) const
{
    if (display_.is_json) return document(reply);
    auto const names = columns_of(rows, columns);
    // Only a terminal has an end; what reads a pipe wants whole fields.
    Table shown(names, display_.is_wide || !is_terminal_ ? 0 : 60);
    for (auto const& row : rows) {
        if (!row.is_object()) continue;
        std::vector<std::string> cells;
        for (auto const& name : names) {
            auto const cell = plain_field(row.get_object(), name);
            cells.push_back(is_time_field(name.substr(name.rfind('.') + 1)) ? time(cell) : cell);
        }
        shown.add(cells);
    }
    table(std::move(shown));
    if (reply.contains("left_out")) note("what this key may not see is left out");
}

void Output::table(Table table) const
{
    if (display_.is_json) return;
    if (is_terminal_ && !display_.is_wide) {
        std::string names;
        for (auto const& name : table.fit(ctl::columns_of(STDOUT_FILENO)))
            names += (names.empty() ? "" : ", ") + name;
        raw(table.text(has_color_));
        if (!names.empty())
            note("too narrow for " + names + "; give --wide, or --columns with those you want");
        return;
    }
    raw(table.text(has_color_));
}

std::string Output::time(std::string const& text) const
{
    if (!is_time_of_day(text)) return text;
    auto const in = zone();
    return in ? with_offset(text, *in) : text;
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
