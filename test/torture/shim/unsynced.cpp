#include "unsynced.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace elves::shim {

void Unsynced::keep(int fd, std::string const& path, std::size_t size, off_t offset)
{
    struct stat about {};
    if (::fstat(fd, &about) != 0) return;
    Piece piece{offset, std::vector<char>(size), about.st_size};
    auto const got = ::syscall(SYS_pread64, fd, piece.bytes.data(), size, offset);
    piece.bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    files_[path].push_back(std::move(piece));
}

void Unsynced::about_to_write(int fd, std::string const& path, std::size_t size, off_t offset)
{
    keep(fd, path, size, offset);
}

void Unsynced::about_to_cut(int fd, std::string const& path, off_t size)
{
    struct stat about {};
    if (::fstat(fd, &about) != 0) return;
    keep(fd, path, about.st_size > size ? static_cast<std::size_t>(about.st_size - size) : 0, size);
}

void Unsynced::lose(bool all, std::uint32_t seed)
{
    std::mt19937 random(seed);
    for (auto const& [path, pieces] : files_) {
        int const fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        if (fd < 0) continue;
        for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
            if (!all && random() % 2 == 0) continue;
            ::syscall(SYS_pwrite64, fd, piece->bytes.data(), piece->bytes.size(), piece->offset);
            // Its length with the first of the lost ones; by chance it may stay as it is, with zeros in it.
            if (all) ::syscall(SYS_ftruncate, fd, piece->file_size);
        }
        ::close(fd);
    }
    files_.clear();
}

} // namespace elves::shim
