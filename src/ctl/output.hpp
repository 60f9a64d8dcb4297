#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/json.hpp"
#include "elves/zone.hpp"

namespace elves::ctl {

/// Rows under a line of names; what comes in is made printable here.
class Table {
public:
    /// A cell wider than `widest` columns is cut; 0: none is.
    explicit Table(std::vector<std::string> names, std::size_t widest = 60);
    /// As many cells as there are names.
    void add(std::vector<std::string> const& cells);
    /// Makes each line at most `columns` wide: leaves out empty columns, cuts the widest cells, and leaves
    /// out columns from the right where that is not enough. Addresses, ids, states and times are never cut,
    /// and the first column always stays. Returns the names of the columns with content that were left out.
    [[nodiscard]] std::vector<std::string> fit(std::size_t columns);
    [[nodiscard]] std::string text(bool has_color = false) const;

private:
    [[nodiscard]] std::vector<std::size_t> widths() const;
    void erase_column(std::size_t index);

    std::size_t widest_;
    std::vector<std::string> names_;
    std::vector<std::vector<std::string>> rows_;
};

/// How a command's words are laid out.
struct Display {
    bool is_json = false;
    bool is_wide = false;               ///< Tables are neither cut nor fitted.
    std::vector<std::string> columns{}; ///< Of a table, in place of its usual ones.
};

/// What a command says: words for a person, or one JSON document; never both.
class Output {
public:
    /// Gives the server's zone; nothing where it is not known.
    using ZoneSource = std::function<std::optional<Zone>()>;

    explicit Output(Display display, ZoneSource zone = {});
    [[nodiscard]] bool is_json() const noexcept { return display_.is_json; }
    /// stdout may be coloured.
    [[nodiscard]] bool has_color() const noexcept { return has_color_; }

    /// With --json: the document, in one line, its times with the server's offset. Once a process, but for a
    /// list that is exported row by row.
    void document(json::object const& reply) const;
    /// Without --json: a line. The text is made printable.
    void line(std::string_view text) const;
    /// Without --json: as it is, which is for the caller to answer for.
    void raw(std::string_view text) const;
    /// A note on stderr, `--json` or not.
    void note(std::string_view text) const;

    /// A reply: the document, or its fields in lines; `flag` and the envelope left out.
    void fields(json::object const& reply) const;
    /// Without --json: names and values in two columns.
    void pairs(std::vector<std::pair<std::string, std::string>> const& lines) const;
    /// A list: the document, or a table with those columns of each row, and a note where the server says that
    /// it leaves out. `ins.app` is the field of a field.
    void rows(json::object const& reply, json::array const& rows,
        std::vector<std::string_view> const& columns) const;
    /// Without --json: the table, fitted into the terminal.
    void table(Table table) const;
    /// A time of day of the server's with its offset.
    [[nodiscard]] std::string time(std::string const& text) const;
    /// The server's zone; nothing where it is not known.
    [[nodiscard]] std::optional<Zone> zone() const { return zone_ ? zone_() : std::nullopt; }

private:
    [[nodiscard]] std::vector<std::string> columns_of(
        json::array const& rows, std::vector<std::string_view> const& usual) const;

    Display display_;
    ZoneSource zone_;
    bool is_terminal_;
    bool has_color_;
};

/// `flag` and `error_info` first, then `fields`.
[[nodiscard]] json::object document_of(bool flag, std::string_view error_info, json::object const& fields);

} // namespace elves::ctl
