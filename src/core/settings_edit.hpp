#pragma once

#include <string>
#include <string_view>

namespace elves {

/// The text of a settings file in which `key` of `[section]` has that value. Every other line stays as it is.
/// Where the key was not set, it comes behind its commented default, else at the end of its section; a
/// section that was not there comes at the end. Throws std::invalid_argument where the value can't stand in
/// one line unquoted.
[[nodiscard]] std::string with_setting(
    std::string_view text, std::string_view section, std::string_view key, std::string_view value);

/// The text without the lines that set `key` of `[section]`.
[[nodiscard]] std::string without_setting(
    std::string_view text, std::string_view section, std::string_view key);

/// All of a text file of at most 1 MiB. Throws std::runtime_error that names the file and why.
[[nodiscard]] std::string read_text_file(std::string const& path);

/// Who a file belongs to, and its mode.
struct FileOwner {
    unsigned uid = 0;
    unsigned gid = 0;
    unsigned mode = 0600;
};

/// Throws std::runtime_error where there is no such file or folder.
[[nodiscard]] FileOwner owner_of(std::string const& path);

/// Puts a text in the place of what a file has, or makes the file: on disk when this returns, and whole or as
/// before whenever the machine goes down. A link is followed. Throws std::runtime_error; the file is as it
/// was then.
void replace_text_file(std::string const& path, std::string_view text, FileOwner const& owner);

} // namespace elves
