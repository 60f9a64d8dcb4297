#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "elves/sql.hpp"

namespace elves::fuzz {

/// A table whose columns take anything, as a damaged file's do, in place of the sound one of that name.
class LooseTable {
public:
    LooseTable(Db& db, std::string name) : db_(db), name_(std::move(name))
    {
        std::string create;
        {
            auto run = db_.run("SELECT name FROM pragma_table_info('" + name_ + "')");
            while (run.next()) {
                create += (columns_ == 0 ? "" : ", ") + std::string(run.text(0));
                insert_ += columns_ == 0 ? "?" : ", ?";
                ++columns_;
            }
        }
        insert_ = "INSERT INTO " + name_ + " VALUES (" + insert_ + ")";
        db_.script("PRAGMA foreign_keys = OFF; DROP TABLE " + name_ + "; CREATE TABLE " + name_ + " (" +
                   create + ");");
    }

    [[nodiscard]] std::string const& name() const noexcept { return name_; }
    [[nodiscard]] int columns() const noexcept { return columns_; }
    /// What follows after the first `count` of `lines`.
    [[nodiscard]] static std::string_view without_lines(std::string_view lines, int count)
    {
        for (; count > 0; --count)
            lines.remove_prefix(std::min(lines.substr(0, lines.find('\n')).size() + 1, lines.size()));
        return lines;
    }
    void clear() { db_.run("DELETE FROM " + name_).execute(); }
    /// One row, and no other: a line of `lines` for each column.
    void put(std::string_view lines)
    {
        clear();
        auto run = db_.run(insert_);
        for (int index = 1; index <= columns_; ++index) {
            auto const line = lines.substr(0, lines.find('\n'));
            lines.remove_prefix(std::min(line.size() + 1, lines.size()));
            bind(run, index, line);
        }
        run.execute();
    }

private:
    /// `#12` a number, `NULL` nothing, anything else its text.
    static void bind(Run& run, int index, std::string_view line)
    {
        if (line == "NULL") {
            run.bind_null(index);
        } else if (line.starts_with('#')) {
            std::uint64_t value = 0;
            bool const negative = line.substr(1).starts_with('-');
            for (char const c : line.substr(negative ? 2 : 1))
                value = value * 10 + static_cast<unsigned char>(c - '0');
            run.bind(index, static_cast<std::int64_t>(negative ? 0 - value : value));
        } else {
            run.bind(index, line);
        }
    }

    Db& db_;
    std::string name_;
    std::string insert_;
    int columns_ = 0;
};

} // namespace elves::fuzz
