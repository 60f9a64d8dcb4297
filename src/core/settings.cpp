#include "elves/settings.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/setting_value.hpp"
#include "core/utf8.hpp"
#include "elves/nearest_word.hpp"
#include "elves/trimmed.hpp"

namespace elves {

namespace {

constexpr std::size_t largest_file = 1024 * 1024;

bool has_control_character(std::string_view text)
{
    return std::any_of(text.begin(), text.end(), [](char c) {
        auto const code = static_cast<unsigned char>(c);
        return (code < 0x20 && c != '\t') || code == 0x7f;
    });
}

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

template <class Words>
std::string joined(Words const& words)
{
    std::string all;
    for (auto const& word : words) {
        if (!all.empty()) all += ", ";
        all += word;
    }
    return all;
}

} // namespace

Settings Settings::read_file(std::string const& path)
{
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        throw SettingsError(path + ": this is a folder; name the file");
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw SettingsError(
            path + ": cannot be read: " + std::strerror(errno) + "; check the name and its permissions");
    }
    std::string text;
    // In pieces, until it is too much: what has no size (a pipe) is bounded, too.
    for (std::array<char, 16 * 1024> piece{}; file && text.size() <= largest_file;) {
        file.read(piece.data(), piece.size());
        text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    }
    if (file.bad()) throw SettingsError(path + ": cannot be read: " + std::strerror(errno));
    if (text.size() > largest_file) {
        throw SettingsError(path + ": is over 1 MiB; name a settings file");
    }
    return parse(text, path);
}

Settings Settings::parse(std::string_view text, std::string name)
{
    Settings settings;
    settings.name_ = std::move(name);
    std::string section;
    text = without_byte_order_mark(text);
    for (int number = 1; !text.empty(); ++number) {
        auto const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        settings.add_line(trimmed(line), number, section);
    }
    return settings;
}

void Settings::add_line(std::string_view line, int number, std::string& section)
{
    auto const refuse = [&](std::string const& why) { throw SettingsError(place(number) + why); };
    if (line.empty() || line.front() == '#' || line.front() == ';') return;
    if (has_control_character(line)) refuse("a control character stands in this line; take it out");
    // Values travel as JSON: an agent whose `asset` is not UTF-8 could never register.
    if (!is_utf8(line)) refuse("this line is not UTF-8; save the file as UTF-8");
    if (line.front() == '[') {
        line = trimmed(without_comment(line));
        auto const name = trimmed(line.substr(1, line.size() - 2));
        if (line.back() != ']' || name.empty()) {
            refuse(in_quotes(line) + " is no section; write [name] and nothing behind it");
        }
        section = name;
        sections_.try_emplace(section);
        section_lines_.try_emplace(section, number);
        return;
    }
    auto const equals = line.find('=');
    auto const key = trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
        refuse(in_quotes(line) + " is neither a section nor a setting; write [section] or key = value");
    }
    if (section.empty())
        refuse(std::string(key) + ": stands before the first section; put it under its [section]");
    Value value{{}, number};
    try {
        value.text = setting_value(line.substr(equals + 1));
    } catch (std::invalid_argument const& fault) {
        refuse("[" + section + "] " + std::string(key) + ": " + fault.what());
    }
    auto const [found, fresh] = sections_[section].try_emplace(std::string(key), std::move(value));
    if (!fresh) {
        refuse("[" + section + "] " + std::string(key) + ": stands in line " +
               std::to_string(found->second.line) + " already; keep one of them");
    }
}

std::string Settings::place(int line) const { return name_ + ":" + std::to_string(line) + ": "; }

std::set<std::string, std::less<>>& Settings::asked(std::string_view section) const
{
    auto const found = asked_.find(section);
    return found != asked_.end() ? found->second : asked_[std::string(section)];
}

Section Settings::section(std::string_view name) const
{
    (void)asked(name);
    return {*this, std::string(name)};
}

void Settings::ignore(std::string_view section) const { ignored_.emplace(section); }

Settings::Value const* Settings::find(std::string_view section, std::string_view key) const
{
    asked(section).emplace(key);
    auto const keys = sections_.find(section);
    if (keys == sections_.end()) return nullptr;
    auto const value = keys->second.find(key);
    return value == keys->second.end() ? nullptr : &value->second;
}

void Settings::refuse_unknown() const
{
    // The first in the file, not in the alphabet.
    int line = 0;
    std::string what;
    auto const consider = [&](int at, std::string text) {
        if (line != 0 && line <= at) return;
        line = at;
        what = std::move(text);
    };
    auto const advice = [](std::string const& near, std::string const& known) {
        if (!near.empty()) return "; did you mean " + near + "?";
        return known.empty() ? std::string("; none is known here") : "; known are " + known;
    };
    std::set<std::string, std::less<>> known_sections;
    for (auto const& [name, keys] : asked_) known_sections.insert(name);
    for (auto const& [name, keys] : sections_) {
        if (ignored_.contains(name)) continue;
        auto const known = asked_.find(name);
        if (known == asked_.end()) {
            auto const near = nearest_word(name, known_sections);
            consider(section_lines_.at(name),
                "[" + name + "]: unknown section" +
                    advice(near.empty() ? near : "[" + near + "]", joined(known_sections)));
            continue;
        }
        for (auto const& [key, value] : keys) {
            if (known->second.contains(key)) continue;
            consider(value.line, "[" + name + "] " + key + ": unknown key" +
                                     advice(nearest_word(key, known->second), joined(known->second)));
        }
    }
    if (line != 0) throw SettingsError(place(line) + what);
}

bool Section::has(std::string_view key) const { return all_->find(name_, key) != nullptr; }

std::vector<std::string> Section::keys() const
{
    std::vector<std::string> names;
    auto const found = all_->sections_.find(name_);
    if (found == all_->sections_.end()) return names;
    for (auto const& [key, value] : found->second) names.push_back(key);
    return names;
}

void Section::refuse(std::string_view key, std::string_view why) const
{
    auto const* const value = all_->find(name_, key);
    auto const place = value != nullptr ? all_->place(value->line) : all_->name_ + ": ";
    throw SettingsError(place + "[" + name_ + "] " + std::string(key) + ": " + std::string(why));
}

std::string Section::text(std::string_view key, std::string_view otherwise) const
{
    auto const* const value = all_->find(name_, key);
    return value != nullptr ? value->text : std::string(otherwise);
}

std::string Section::choice(
    std::string_view key, std::string_view otherwise, std::vector<std::string_view> const& choices) const
{
    auto const* const value = all_->find(name_, key);
    if (value == nullptr) return std::string(otherwise);
    if (std::find(choices.begin(), choices.end(), value->text) == choices.end()) {
        refuse(key, in_quotes(value->text) + " is not known; give one of " + joined(choices));
    }
    return value->text;
}

std::int64_t Section::number(
    std::string_view key, std::int64_t otherwise, std::int64_t least, std::int64_t most) const
{
    auto const* const value = all_->find(name_, key);
    if (value == nullptr) return otherwise;
    auto const& text = value->text;
    std::int64_t number = 0;
    // Digits only: no sign, no blank, no unit. What has too many of them is out of range.
    bool const digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    auto const error = std::from_chars(text.data(), text.data() + text.size(), number).ec;
    if (!digits || error != std::errc() || number < least || number > most) {
        refuse(key, in_quotes(text) + (digits ? " is out of range" : " is no whole number") + "; give " +
                        std::to_string(least) + " to " + std::to_string(most));
    }
    return number;
}

std::chrono::seconds Section::seconds(std::string_view key, std::chrono::seconds otherwise,
    std::chrono::seconds least, std::chrono::seconds most) const
{
    return std::chrono::seconds(number(key, otherwise.count(), least.count(), most.count()));
}

std::vector<std::string> Section::list(std::string_view key, std::vector<std::string> otherwise) const
{
    auto const* const value = all_->find(name_, key);
    if (value == nullptr) return otherwise;
    std::vector<std::string> items;
    std::string_view rest = value->text;
    while (!rest.empty()) {
        auto const item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(item.size() + 1, rest.size()));
        if (!trimmed(item).empty()) items.emplace_back(trimmed(item));
    }
    if (items.empty())
        refuse(key, in_quotes(value->text) + " names nothing; give a value, or leave the line out");
    return items;
}

} // namespace elves
