#include "package/pack.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "package/link_target.hpp"

namespace elves {

namespace fs = std::filesystem;

namespace {

/// The time of every entry: 2000-01-01. Some tools take none before 1980.
constexpr std::time_t entry_time = 946'684'800;
constexpr mode_t plain_mode = 0644;
constexpr mode_t program_mode = 0755;

struct Freed {
    void operator()(archive* writer) const noexcept { archive_write_free(writer); }
    void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
using EntryPtr = std::unique_ptr<archive_entry, Freed>;

struct Output {
    std::string bytes;
    std::size_t most = 0;
};

la_ssize_t write_to(archive* writer, void* to, void const* data, std::size_t size)
{
    auto& output = *static_cast<Output*>(to);
    if (size > output.most - output.bytes.size()) {
        archive_set_error(writer, EFBIG, "the package would have more than %zu bytes", output.most);
        return -1;
    }
    output.bytes.append(static_cast<char const*>(data), size);
    return static_cast<la_ssize_t>(size);
}

class Packer {
public:
    explicit Packer(std::size_t most_bytes) : writer_(archive_write_new())
    {
        output_.most = most_bytes;
        require(archive_write_set_format_pax_restricted(writer_.get()), "");
        if (archive_write_add_filter_zstd(writer_.get()) != ARCHIVE_OK) {
            require(archive_write_add_filter_gzip(writer_.get()), "");
            // Without the time of day in it.
            require(archive_write_set_filter_option(writer_.get(), "gzip", "timestamp", nullptr), "");
        }
        require(archive_write_set_bytes_in_last_block(writer_.get(), 1), "");
        require(archive_write_open(writer_.get(), &output_, nullptr, &write_to, nullptr), "");
    }

    void add_folder(std::string const& name) { header(name, AE_IFDIR, program_mode, 0, {}); }
    void add_link(std::string const& name, std::string const& target)
    {
        header(name, AE_IFLNK, program_mode, 0, target);
    }
    void add_text(std::string const& name, std::string const& text)
    {
        header(name, AE_IFREG, plain_mode, text.size(), {});
        data(name, text);
    }
    void add_file(std::string const& name, fs::path const& file)
    {
        auto const mode = fs::status(file).permissions();
        bool const is_program = (mode & fs::perms::owner_exec) != fs::perms::none;
        std::ifstream input(file, std::ios::binary);
        if (!input) throw std::runtime_error(name + " can't be read");
        auto left = fs::file_size(file);
        header(name, AE_IFREG, is_program ? program_mode : plain_mode, left, {});
        std::array<char, 65'536> buffer{};
        while (left > 0) {
            input.read(
                buffer.data(), static_cast<std::streamsize>(std::min<std::uintmax_t>(left, buffer.size())));
            auto const got = static_cast<std::size_t>(input.gcount());
            if (got == 0) throw std::runtime_error(name + " became shorter while it was read");
            data(name, {buffer.data(), got});
            left -= got;
        }
    }
    [[nodiscard]] std::string finish()
    {
        require(archive_write_close(writer_.get()), "");
        return std::move(output_.bytes);
    }

private:
    void header(
        std::string const& name, unsigned type, mode_t mode, std::uintmax_t size, std::string const& target)
    {
        EntryPtr const entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), name.c_str());
        archive_entry_set_filetype(entry.get(), type);
        archive_entry_set_perm(entry.get(), mode);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
        archive_entry_set_mtime(entry.get(), entry_time, 0);
        if (!target.empty()) archive_entry_set_symlink(entry.get(), target.c_str());
        require(archive_write_header(writer_.get(), entry.get()), name);
    }
    void data(std::string const& name, std::string_view bytes)
    {
        auto const written = archive_write_data(writer_.get(), bytes.data(), bytes.size());
        if (written != static_cast<la_ssize_t>(bytes.size())) require(ARCHIVE_FATAL, name);
    }
    void require(int result, std::string const& name)
    {
        if (result == ARCHIVE_OK) return;
        auto const* const why = archive_error_string(writer_.get());
        throw std::runtime_error(
            (name.empty() ? "" : name + ": ") + (why != nullptr ? why : "the package can't be written"));
    }

    Output output_;
    std::unique_ptr<archive, Freed> writer_;
};

bool is_left_out(std::string const& name)
{
    static std::set<std::string> const names{".git", ".hg", ".svn", "__pycache__"};
    return names.contains(name);
}

/// Paths from `folder`, sorted; a folder comes before what is in it.
std::vector<std::string> names_in(fs::path const& folder)
{
    std::vector<std::string> names;
    for (fs::recursive_directory_iterator at(folder), end; at != end; ++at) {
        if (is_left_out(at->path().filename().string())) {
            at.disable_recursion_pending();
            continue;
        }
        names.push_back(at->path().lexically_relative(folder).string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// What the agent will read as the app's version: the first word.
std::string version_in(fs::path const& file)
{
    std::ifstream input(file);
    std::string version;
    input >> version;
    return version;
}

void add(Packer& packer, fs::path const& folder, std::string const& name)
{
    auto const path = folder / name;
    if (name == deployed_file)
        throw std::runtime_error(
            name + ": agents write that file themselves; delete it, or pack another folder");
    auto const type = fs::symlink_status(path).type();
    if (type == fs::file_type::symlink) {
        auto const target = fs::read_symlink(path).string();
        if (!stays_inside(name, target))
            throw std::runtime_error(name + " is a link to " + target +
                                     ", which leads out of the folder; make it relative, with `..` at its "
                                     "beginning only");
        packer.add_link(name, target);
    } else if (type == fs::file_type::directory) {
        packer.add_folder(name);
    } else if (type == fs::file_type::regular) {
        packer.add_file(name, path);
    } else {
        throw std::runtime_error(name + " is neither a file nor a folder nor a link");
    }
}

} // namespace

std::string pack(fs::path const& folder, std::string const& version, std::size_t most_bytes)
{
    if (!fs::is_directory(folder)) throw std::runtime_error("there is no folder " + folder.string());
    auto names = names_in(folder);
    bool const has_version = std::binary_search(names.begin(), names.end(), version_file);
    if (has_version && version_in(folder / version_file) != version)
        throw std::runtime_error("the folder's VERSION file says \"" + version_in(folder / version_file) +
                                 "\", not \"" + version + "\"; give that version, or change the file");
    if (!has_version) names.insert(std::lower_bound(names.begin(), names.end(), version_file), version_file);
    Packer packer(most_bytes);
    for (auto const& name : names) {
        if (name == version_file && !has_version) {
            packer.add_text(name, version + "\n");
        } else {
            add(packer, folder, name);
        }
    }
    return packer.finish();
}

} // namespace elves
