#include "core/settings_edit.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elves/trimmed.hpp"

namespace elves {

namespace {

std::vector<std::string> lines_of(std::string_view text)
{
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto const end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::string joined(std::vector<std::string> const& lines)
{
    std::string text;
    for (auto const& line : lines) text += line + '\n';
    return text;
}

/// The name in `[name]`; nothing where the line is another one.
std::optional<std::string> section_in(std::string_view line)
{
    line = trimmed(line);
    if (line.empty() || line.front() != '[') return std::nullopt;
    auto const end = line.find(']');
    return std::string(trimmed(line.substr(1, end == std::string_view::npos ? end : end - 1)));
}

bool sets(std::string_view line, std::string_view key)
{
    line = trimmed(line);
    auto const equals = line.find('=');
    return equals != std::string_view::npos && trimmed(line.substr(0, equals)) == key;
}

/// `#key = …`: how the sample settings show what is not set.
bool is_commented_default(std::string_view line, std::string_view key)
{
    line = trimmed(line);
    if (line.empty() || line.front() != '#') return false;
    return sets(line.substr(1), key);
}

[[noreturn]] void fail(std::string const& path, std::string const& what)
{
    throw std::runtime_error(path + ": " + what);
}

class File {
public:
    File(std::string const& path, int flags, mode_t mode)
        : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, mode))
    {
        if (fd_ < 0) fail(path_, std::strerror(errno));
    }
    ~File() { ::close(fd_); }
    File(File const&) = delete;
    File& operator=(File const&) = delete;

    void write(std::string_view text) const
    {
        while (!text.empty()) {
            auto const wrote = ::write(fd_, text.data(), text.size());
            if (wrote < 0 && errno != EINTR) fail(path_, std::strerror(errno));
            if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
        }
    }
    void give_to(FileOwner const& owner) const
    {
        struct stat now {};
        require(::fstat(fd_, &now));
        if (now.st_uid != owner.uid || now.st_gid != owner.gid) require(::fchown(fd_, owner.uid, owner.gid));
        require(::fchmod(fd_, owner.mode));
    }
    void sync() const { require(::fsync(fd_)); }

private:
    void require(int result) const
    {
        if (result != 0) fail(path_, std::strerror(errno));
    }

    std::string path_;
    int fd_;
};

} // namespace

std::string with_setting(
    std::string_view text, std::string_view section, std::string_view key, std::string_view value)
{
    if (value.empty() || value.find_first_of("\n\r\"'#;") != std::string_view::npos ||
        trimmed(value) != value)
        throw std::invalid_argument(
            "\"" + std::string(value) +
            "\" can't be written as a setting: expected one line without quotes, # and ;");
    auto const line = std::string(key) + " = " + std::string(value);
    auto lines = lines_of(text);
    std::string within;
    std::optional<std::size_t> default_at;
    std::optional<std::size_t> section_end;
    for (std::size_t at = 0; at < lines.size(); ++at) {
        if (auto const name = section_in(lines[at])) within = *name;
        if (within != section) continue;
        if (sets(lines[at], key) && trimmed(lines[at]).front() != '#') {
            lines[at] = line;
            return joined(lines);
        }
        if (is_commented_default(lines[at], key)) default_at = at;
        if (!trimmed(lines[at]).empty()) section_end = at;
    }
    if (auto const behind = default_at ? default_at : section_end) {
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(*behind) + 1, line);
    } else {
        lines.insert(lines.end(), {"", "[" + std::string(section) + "]", line});
    }
    return joined(lines);
}

std::string without_setting(std::string_view text, std::string_view section, std::string_view key)
{
    auto lines = lines_of(text);
    std::string within;
    std::erase_if(lines, [&](std::string const& line) {
        if (auto const name = section_in(line)) within = *name;
        return within == section && sets(line, key) && trimmed(line).front() != '#';
    });
    return joined(lines);
}

std::string read_text_file(std::string const& path)
{
    constexpr std::size_t largest = std::size_t{1024} * 1024;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest + 1, '\0');
    if (!file || std::filesystem::is_directory(path))
        fail(path, "it can't be read; check the name and its permissions");
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad() || text.size() > largest) fail(path, "it can't be read, or is over 1 MiB");
    return text;
}

FileOwner owner_of(std::string const& path)
{
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) fail(path, std::strerror(errno));
    return {about.st_uid, about.st_gid, about.st_mode & 07777U};
}

void replace_text_file(std::string const& path, std::string_view text, FileOwner const& owner)
{
    auto const real = std::filesystem::weakly_canonical(path).string();
    auto const begun = real + ".new";
    if (::unlink(begun.c_str()) != 0 && errno != ENOENT) fail(begun, std::strerror(errno));
    try {
        // Nobody else may read it before it has its owner and mode.
        File const file(begun, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        file.write(text);
        file.give_to(owner);
        file.sync();
        if (::rename(begun.c_str(), real.c_str()) != 0) fail(real, std::strerror(errno));
    } catch (...) {
        ::unlink(begun.c_str());
        throw;
    }
    File const folder(std::filesystem::path(real).parent_path().string(), O_RDONLY | O_DIRECTORY, 0);
    folder.sync();
}

} // namespace elves
