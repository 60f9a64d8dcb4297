#include "package/unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/link_target.hpp"
#include "package/pack.hpp"

namespace elves {

namespace {

constexpr std::size_t block_bytes = 10'240;
constexpr std::size_t longest_path = 1'024;
constexpr std::size_t deepest_path = 32;
constexpr mode_t special_bits = S_ISUID | S_ISGID | S_ISVTX;
constexpr mode_t plain_mode = 0644;
constexpr mode_t program_mode = 0755;

[[noreturn]] void refuse(std::string const& name, std::string const& why)
{
    throw std::runtime_error("the package's entry \"" + name + "\" " + why);
}

[[noreturn]] void fail(std::string const& name)
{
    throw std::runtime_error("\"" + name + "\" can't be written: " + std::generic_category().message(errno));
}

class Fd {
public:
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

struct Freed {
    void operator()(archive* reader) const noexcept { archive_read_free(reader); }
};
using ReaderPtr = std::unique_ptr<archive, Freed>;

[[noreturn]] void fail(archive* reader)
{
    auto const* const why = archive_error_string(reader);
    throw std::runtime_error(
        std::string("the package can't be read: ") + (why != nullptr ? why : "it is no tar file"));
}

ReaderPtr open_archive(std::filesystem::path const& file)
{
    ReaderPtr reader(archive_read_new());
    if (!reader) throw std::bad_alloc();
    // What else libarchive could read has no business here.
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_filter_zstd(reader.get());
    if (archive_read_open_filename(reader.get(), file.c_str(), block_bytes) != ARCHIVE_OK) fail(reader.get());
    return reader;
}

/// The parts of an entry's path, each one a plain name.
std::vector<std::string> parts_of(std::string const& path)
{
    if (path.empty()) refuse(path, "has no name");
    if (path.size() > longest_path) refuse(path.substr(0, 64) + "…", "has a path of more than 1024 bytes");
    if (path.front() == '/') refuse(path, "has an absolute path");
    std::vector<std::string> parts;
    std::string_view rest = path;
    while (!rest.empty()) {
        auto const slash = rest.find('/');
        std::string part(rest.substr(0, slash));
        rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
        if (part == "..") refuse(path, "leads out of its folder");
        if (!part.empty() && part != ".") parts.push_back(std::move(part));
    }
    if (parts.size() > deepest_path) refuse(path, "lies more than 32 folders deep");
    return parts;
}

class Unpacker {
public:
    Unpacker(std::filesystem::path const& folder, UnpackLimits limits)
        : root_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)), limits_(limits)
    {
        if (root_.get() < 0) fail(folder.string());
    }

    void take(archive* reader, archive_entry* entry)
    {
        auto const* const given = archive_entry_pathname(entry);
        std::string const path = given != nullptr ? given : "";
        auto parts = parts_of(path);
        if (++entries_ > limits_.entries)
            throw std::runtime_error(
                "the package has more than " + std::to_string(limits_.entries) + " entries");
        if (archive_entry_hardlink(entry) != nullptr) refuse(path, "is a hard link");
        if ((archive_entry_perm(entry) & special_bits) != 0)
            refuse(path, "has a set-user-ID, set-group-ID or sticky bit");
        auto const type = archive_entry_filetype(entry);
        if (parts.empty()) {
            if (type != AE_IFDIR) refuse(path, "has no name");
            return;
        }
        if (parts.size() == 1 && parts.front() == deployed_file) refuse(path, "has a name that is reserved");
        auto const name = parts.back();
        parts.pop_back();
        auto const above = folder_of(parts, path);
        if (type == AE_IFDIR) return make_folder(above, name, path);
        if (type == AE_IFLNK) return make_link(above, name, path, parts, archive_entry_symlink(entry));
        if (type != AE_IFREG) refuse(path, "is neither a file nor a folder nor a symbolic link");
        bool const is_program = (archive_entry_perm(entry) & S_IXUSR) != 0;
        make_file(above, name, path, is_program ? program_mode : plain_mode, reader);
    }

private:
    /// Opens the folder, and makes what is missing of it. No part of it may be a link.
    [[nodiscard]] Fd folder_of(std::vector<std::string> const& parts, std::string const& path) const
    {
        Fd at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
        for (auto const& part : parts) {
            if (::mkdirat(at.get(), part.c_str(), program_mode) != 0 && errno != EEXIST) fail(path);
            Fd below(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (below.get() < 0) {
                if (errno == ELOOP || errno == ENOTDIR) refuse(path, "lies in what is no folder: " + part);
                fail(path);
            }
            at = std::move(below);
        }
        return at;
    }
    static void make_folder(Fd const& above, std::string const& name, std::string const& path)
    {
        if (::mkdirat(above.get(), name.c_str(), program_mode) == 0) return;
        struct stat about {};
        bool const is_there =
            errno == EEXIST && ::fstatat(above.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
        if (!is_there) fail(path);
        if (!S_ISDIR(about.st_mode)) refuse(path, "is there twice");
    }
    static void make_link(Fd const& above, std::string const& name, std::string const& path,
        std::vector<std::string> const& parts, char const* target)
    {
        std::string place;
        for (auto const& part : parts) place += part + "/";
        if (target == nullptr || !stays_inside(place + name, target))
            refuse(path, "is a link that leads out of its folder");
        if (::symlinkat(target, above.get(), name.c_str()) == 0) return;
        if (errno == EEXIST) refuse(path, "is there twice");
        fail(path);
    }
    void make_file(
        Fd const& above, std::string const& name, std::string const& path, mode_t mode, archive* reader)
    {
        constexpr auto how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        Fd const file(::openat(above.get(), name.c_str(), how, mode));
        if (file.get() < 0) {
            if (errno == EEXIST) refuse(path, "is there twice");
            fail(path);
        }
        std::array<char, 65'536> buffer{};
        while (true) {
            auto const got = archive_read_data(reader, buffer.data(), buffer.size());
            if (got < 0) elves::fail(reader);
            if (got == 0) break;
            bytes_ += got;
            if (bytes_ > limits_.bytes)
                throw std::runtime_error(
                    "the package unpacks to more than " + std::to_string(limits_.bytes) + " bytes");
            write_all(file, {buffer.data(), static_cast<std::size_t>(got)}, path);
        }
        // Whatever the umask is.
        if (::fchmod(file.get(), mode) != 0) fail(path);
    }
    static void write_all(Fd const& file, std::string_view bytes, std::string const& path)
    {
        while (!bytes.empty()) {
            auto const count = ::write(file.get(), bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) fail(path);
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    Fd root_;
    UnpackLimits limits_;
    std::int64_t entries_ = 0;
    std::int64_t bytes_ = 0;
};

} // namespace

void unpack(std::filesystem::path const& archive, std::filesystem::path const& folder, UnpackLimits limits)
{
    Unpacker unpacker(folder, limits);
    auto const reader = open_archive(archive);
    while (true) {
        archive_entry* entry = nullptr;
        auto const result = archive_read_next_header(reader.get(), &entry);
        if (result == ARCHIVE_EOF) return;
        // A warning, too: what is not read as it was written is not run.
        if (result != ARCHIVE_OK) fail(reader.get());
        unpacker.take(reader.get(), entry);
    }
}

} // namespace elves
