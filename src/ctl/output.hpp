#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "elves/json.hpp"

namespace elves::ctl {

/// Rows under a line of names; what comes in is made printable here.
class Table {
public:
    /// A cell wider than `widest` columns is cut.
    explicit Table(std::vector<std::string> const& names, std::size_t widest = 60);
    /// As many cells as there are names.
    void add(std::vector<std::string> const& cells);
    [[nodiscard]] std::string text() const;

private:
    std::size_t widest_;
    std::vector<std::vector<std::string>> rows_; ///< The first: the names.
};

/// What a command says: words for a person, or one JSON document; never both.
class Output {
public:
    explicit Output(bool is_json) : is_json_(is_json) {}
    [[nodiscard]] bool is_json() const noexcept { return is_json_; }

    /// With --json: the document, in one line. Once a process, but for a list that is exported row by row.
    void document(json::object const& reply) const;
    /// Without --json: a line. The text is made printable.
    void line(std::string_view text) const;
    /// Without --json: as it is, which is for the caller to answer for.
    void raw(std::string_view text) const;
    /// A note on stderr, `--json` or not.
    void note(std::string_view text) const;

    /// A reply: the document, or its fields in lines; `flag` and the envelope left out.
    void fields(json::object const& reply) const;
    /// A list: the document, or a table with those columns of each row, and a note where the server says that
    /// it leaves out. `ins.app` is the field of a field.
    void rows(json::object const& reply, json::array const& rows,
        std::vector<std::string_view> const& columns) const;

private:
    bool is_json_;
};

/// `flag` and `error_info` first, then `fields`.
[[nodiscard]] json::object document_of(bool flag, std::string_view error_info, json::object const& fields);

} // namespace elves::ctl
