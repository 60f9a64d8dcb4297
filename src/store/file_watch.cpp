#include "store/file_watch.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace elves {

FileWatch::FileWatch(std::string path) : files_{{{path, -1}, {path + "-wal", -1}, {path + "-shm", -1}}}
{
    static_cast<void>(look());
}

FileWatch::~FileWatch()
{
    for (auto& watched : files_) forget(watched);
}

std::string FileWatch::look()
{
    for (auto& watched : files_) {
        if (auto fault = look_at(watched); !fault.empty()) return fault;
    }
    return {};
}

std::string FileWatch::look_at(Watched& watched)
{
    if (watched.fd < 0) {
        watched.fd = ::open(watched.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return {};
    }
    struct stat now {};
    struct stat held {};
    if (::stat(watched.path.c_str(), &now) != 0) {
        // Any other failure says nothing of the file: the folder cannot be looked into for now, say.
        return errno == ENOENT || errno == ENOTDIR ? watched.path + " was removed" : std::string();
    }
    if (::fstat(watched.fd, &held) != 0) return {};
    bool const is_same = now.st_dev == held.st_dev && now.st_ino == held.st_ino;
    return is_same ? std::string() : watched.path + " was replaced by another file";
}

void FileWatch::forget(Watched& watched)
{
    if (watched.fd >= 0) ::close(std::exchange(watched.fd, -1));
}

void FileWatch::forget_companions()
{
    forget(files_[1]);
    forget(files_[2]);
}

} // namespace elves
