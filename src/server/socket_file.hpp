#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace elves {

/// The file of a listening Unix socket: removed with this object, unless another file has taken its place.
class SocketFile {
public:
    /// Throws SettingsError where no socket can be put at `path`: it is too long, its folder is missing or
    /// can be written by others. Changes nothing. A folder under /run may be missing: the service manager
    /// makes it.
    static void check_place(std::string const& path);

    /// Binds `fd`, an open Unix stream socket that does not listen yet, to `path` (absolute), and lets
    /// members of `group` connect, or, without one, only its owner. Replaces the socket of a server that is
    /// gone. Throws SettingsError where `path` is another server's or no socket.
    SocketFile(int fd, std::string path, std::optional<gid_t> group);
    ~SocketFile();
    SocketFile(SocketFile const&) = delete;
    SocketFile& operator=(SocketFile const&) = delete;

    /// Throws SettingsError where the mode or group cannot be set.
    void allow(std::optional<gid_t> group) const;
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

private:
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace elves
