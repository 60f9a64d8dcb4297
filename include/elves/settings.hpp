#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace elves {

/// A setting that can't be used: one line that names file, section and key, and says what would be right.
class SettingsError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Settings;

/// One `[section]`. Reading a key makes it a known one; what no one has read by the end of start-up is
/// unknown. Every reader throws SettingsError for a value that it can't take.
class Section {
public:
    [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise) const;
    /// One of `choices`, as they are spelled.
    [[nodiscard]] std::string choice(
        std::string_view key, std::string_view otherwise, std::vector<std::string_view> const& choices) const;
    [[nodiscard]] std::int64_t number(
        std::string_view key, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
    [[nodiscard]] std::chrono::seconds seconds(std::string_view key, std::chrono::seconds otherwise,
        std::chrono::seconds least, std::chrono::seconds most) const;
    /// Comma-separated, blanks trimmed, empty items dropped. Never empty where the file has the key.
    [[nodiscard]] std::vector<std::string> list(
        std::string_view key, std::vector<std::string> otherwise) const;
    [[nodiscard]] bool has(std::string_view key) const;
    /// Each key that the file has in this section, in order: of one whose keys the admin chooses.
    [[nodiscard]] std::vector<std::string> keys() const;
    /// Throws the SettingsError for this key: `why` says what is wrong and what would be right.
    [[noreturn]] void refuse(std::string_view key, std::string_view why) const;

private:
    friend class Settings;
    Section(Settings const& all, std::string name) : all_(&all), name_(std::move(name)) {}
    Settings const* all_;
    std::string name_;
};

/// An INI file's settings: `[section]`, `key = value`, `#` and `;` comments; values by
/// core/setting_value.hpp.
class Settings {
public:
    /// Throws SettingsError where the file can't be read, or a line of it can't.
    [[nodiscard]] static Settings read_file(std::string const& path);
    [[nodiscard]] static Settings parse(std::string_view text, std::string name);

    /// The section, empty where the file has none. Lives no longer than the Settings.
    [[nodiscard]] Section section(std::string_view name) const;
    /// A section that belongs to something switched off: its keys are not looked at.
    void ignore(std::string_view section) const;
    /// Throws SettingsError for the first section or key that nobody asked for, naming the nearest known one.
    void refuse_unknown() const;

private:
    friend class Section;
    struct Value {
        std::string text;
        int line = 0;
    };
    [[nodiscard]] Value const* find(std::string_view section, std::string_view key) const;

    [[nodiscard]] std::string place(int line) const;
    [[nodiscard]] std::set<std::string, std::less<>>& asked(std::string_view section) const;
    void add_line(std::string_view line, int number, std::string& section);

    std::string name_;
    std::map<std::string, std::map<std::string, Value, std::less<>>, std::less<>> sections_;
    std::map<std::string, int, std::less<>> section_lines_;
    mutable std::map<std::string, std::set<std::string, std::less<>>, std::less<>> asked_;
    mutable std::set<std::string, std::less<>> ignored_;
};

} // namespace elves
