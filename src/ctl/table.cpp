#include <algorithm>
#include <numeric>

#include "ctl/output.hpp"
#include "ctl/printable.hpp"
#include "ctl/terminal.hpp"
#include "ctl/times.hpp"

namespace elves::ctl {

namespace {

constexpr std::size_t gap = 2; // blanks between columns
/// A cut cell keeps at least so much.
constexpr std::size_t least_cut = 8;

/// Half of an address or an id is worth nothing.
bool is_whole(std::string_view name)
{
    auto const last = name.substr(name.rfind('.') + 1);
    for (auto const* const whole : {"id", "agentip", "agent_ip", "appip", "cron_id", "key", "status", "end",
             "seq", "fingerprint", "sn"}) {
        if (last == whole) return true;
    }
    return is_time_field(last);
}

std::size_t line_width(std::vector<std::size_t> const& widths)
{
    if (widths.empty()) return 0;
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) + gap * (widths.size() - 1);
}

} // namespace

Table::Table(std::vector<std::string> names, std::size_t widest) : widest_(widest), names_(std::move(names))
{
    for (auto& name : names_) name = printable(name);
}

void Table::add(std::vector<std::string> const& cells)
{
    std::vector<std::string> row;
    row.reserve(cells.size());
    for (auto const& cell : cells)
        row.push_back(widest_ == 0 ? printable(cell) : cut_to(printable(cell), widest_));
    rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths() const
{
    std::vector<std::size_t> widths;
    for (auto const& name : names_) widths.push_back(width_of(name));
    for (auto const& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    return widths;
}

void Table::erase_column(std::size_t index)
{
    auto const at = static_cast<std::ptrdiff_t>(index);
    names_.erase(names_.begin() + at);
    for (auto& row : rows_) row.erase(row.begin() + at);
}

std::vector<std::string> Table::fit(std::size_t columns)
{
    std::vector<std::string> left_out;
    auto wide = widths();
    for (auto i = names_.size(); i-- > 1 && line_width(wide) > columns;) {
        bool const is_empty =
            std::all_of(rows_.begin(), rows_.end(), [i](auto const& row) { return row[i].empty(); });
        if (!is_empty || rows_.empty()) continue;
        erase_column(i);
        wide = widths();
    }
    // The narrowest that cutting can make it.
    auto const least = [&] {
        auto narrow = wide;
        for (std::size_t i = 0; i < narrow.size(); ++i) {
            if (!is_whole(names_[i]))
                narrow[i] = std::min(narrow[i], std::max(least_cut, width_of(names_[i])));
        }
        return narrow;
    };
    while (names_.size() > 1 && line_width(least()) > columns) {
        left_out.insert(left_out.begin(), names_.back());
        erase_column(names_.size() - 1);
        wide = widths();
    }
    // The widest column that may be cut gives way first.
    auto const narrow = least();
    while (line_width(wide) > columns) {
        std::size_t widest = names_.size();
        for (std::size_t i = 0; i < wide.size(); ++i) {
            if (wide[i] > narrow[i] && (widest == names_.size() || wide[i] > wide[widest])) widest = i;
        }
        if (widest == names_.size()) break;
        --wide[widest];
    }
    for (auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i)
            row[i] = cut_to(row[i], std::max<std::size_t>(wide[i], 1));
    }
    return left_out;
}

std::string Table::text(bool has_color) const
{
    auto const wide = widths();
    std::string out;
    auto const put = [&](std::vector<std::string> const& row, bool is_head) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            bool const is_state = !is_head && (names_[i] == "status" || names_[i] == "end");
            line += is_state ? painted(row[i], has_color) : row[i];
            line.append(wide[i] - width_of(row[i]) + gap, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += (is_head ? emphasized(line, has_color) : line) + '\n';
    };
    put(names_, true);
    for (auto const& row : rows_) put(row, false);
    return out;
}

} // namespace elves::ctl
