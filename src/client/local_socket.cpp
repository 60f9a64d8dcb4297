#include "client/local_socket.hpp"

#include <cerrno>
#include <cstring>

#include <sys/stat.h>

namespace elves {

namespace fs = std::filesystem;

std::optional<std::string> writable_by_others(fs::path const& real, uid_t own)
{
    fs::path so_far;
    for (auto part = real.begin(); part != real.end(); ++part) {
        so_far /= *part;
        auto const name = so_far.string();
        struct stat about {};
        if (::lstat(name.c_str(), &about) != 0)
            return "folder " + name + " cannot be read: " + std::strerror(errno) +
                   "; create it, or give another path";
        if (!S_ISDIR(about.st_mode)) return name + " is not a folder; give the path of a file in a folder";
        if (about.st_uid != 0 && about.st_uid != own)
            return "folder " + name + " belongs to uid " + std::to_string(about.st_uid) +
                   ", who could put another socket there; chown it to root or to the user who runs the "
                   "server";
        bool const is_last = std::next(part) == real.end();
        bool const is_sticky = (about.st_mode & S_ISVTX) != 0;
        if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (is_last || !is_sticky))
            return "folder " + name + " can be written by others; chmod go-w " + name +
                   ", or give another path";
    }
    return std::nullopt;
}

std::optional<uid_t> sole_owner(fs::path const& folder)
{
    std::error_code failure;
    auto const real = fs::canonical(folder, failure);
    struct stat about {};
    if (failure || ::lstat(real.c_str(), &about) != 0) return std::nullopt;
    if (writable_by_others(real, about.st_uid)) return std::nullopt;
    return about.st_uid;
}

} // namespace elves
