#include "server/socket_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/local_socket.hpp"
#include "elves/settings.hpp"

namespace elves {

namespace {

SettingsError refused(std::string const& path, std::string const& why)
{
    return SettingsError("[server] socket: " + path + ": " + why);
}

sockaddr_un address_of(std::string const& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// Connects: that a socket's file is there does not say whether anybody listens.
bool is_listened_on(std::string const& path)
{
    int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw refused(path, std::string("cannot open a socket: ") + std::strerror(errno));
    auto const address = address_of(path);
    int const result = ::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address);
    int const failure = result == 0 ? 0 : errno;
    ::close(fd);
    if (failure == ECONNREFUSED || failure == ENOENT) return false;
    if (failure == 0 || failure == EAGAIN || failure == EINPROGRESS) return true;
    throw refused(path, std::string("cannot be tried: ") + std::strerror(failure));
}

void remove_stale(std::string const& path)
{
    struct stat about {};
    if (::lstat(path.c_str(), &about) != 0) {
        if (errno == ENOENT) return;
        throw refused(path, std::strerror(errno));
    }
    if (!S_ISSOCK(about.st_mode)) throw refused(path, "is not a socket; move it away, or give another path");
    if (is_listened_on(path))
        throw refused(path, "another process listens there; stop that one, or give another path");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        throw refused(
            path, std::string("cannot remove what a server that is gone has left: ") + std::strerror(errno));
}

} // namespace

void SocketFile::check_place(std::string const& path)
{
    if (path.size() > max_socket_path)
        throw refused(path, "the path has " + std::to_string(path.size()) + " bytes; give one of at most " +
                                std::to_string(max_socket_path));
    std::error_code failure;
    auto const parent = std::filesystem::path(path).parent_path();
    auto const folder = std::filesystem::canonical(parent, failure);
    bool const is_made_at_start = failure && path.starts_with("/run/");
    if (is_made_at_start) return;
    if (failure)
        throw refused(path, "there is no folder " + parent.string() + "; create it, or give another path");
    if (auto const fault = writable_by_others(folder, ::geteuid())) throw refused(path, *fault);
}

SocketFile::SocketFile(int fd, std::string path, std::optional<gid_t> group) : path_(std::move(path))
{
    check_place(path_);
    remove_stale(path_);
    auto const address = address_of(path_);
    // From the first moment it is its owner's alone.
    auto const before = ::umask(0177);
    int const result = ::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address);
    int const failure = errno;
    ::umask(before);
    if (result != 0) throw refused(path_, std::string("cannot listen there: ") + std::strerror(failure));
    struct stat about {};
    if (::lstat(path_.c_str(), &about) == 0) {
        device_ = about.st_dev;
        inode_ = about.st_ino;
    }
    try {
        allow(group);
    } catch (...) {
        ::unlink(path_.c_str());
        throw;
    }
}

SocketFile::~SocketFile()
{
    struct stat about {};
    bool const is_ours =
        ::lstat(path_.c_str(), &about) == 0 && about.st_dev == device_ && about.st_ino == inode_;
    if (is_ours) ::unlink(path_.c_str());
}

void SocketFile::allow(std::optional<gid_t> group) const
{
    struct stat about {};
    bool well = ::lstat(path_.c_str(), &about) == 0;
    // The group first: no other one may ever use it. A service's sandbox may forbid chown, so only where it
    // is needed.
    if (well && group && about.st_gid != *group)
        well = ::lchown(path_.c_str(), static_cast<uid_t>(-1), *group) == 0;
    if (!well && errno == EPERM && group)
        throw SettingsError("[server] socket_group: the server's user may not give " + path_ + " to group " +
                            std::to_string(*group) + "; make that user a member of the group");
    if (well) well = ::chmod(path_.c_str(), group ? 0660 : 0600) == 0;
    if (!well) throw refused(path_, std::string("cannot set who may use it: ") + std::strerror(errno));
}

} // namespace elves
