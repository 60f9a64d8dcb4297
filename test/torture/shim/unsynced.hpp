#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sys/types.h>

namespace elves::shim {

/// What the files held before the writes that no fsync has followed yet: what a loss of power may bring back.
class Unsynced {
public:
    /// `size` bytes at `offset` of the file that is open as `fd` are about to be written.
    void about_to_write(int fd, std::string const& path, std::size_t size, off_t offset);
    /// The file is about to get another length.
    void about_to_cut(int fd, std::string const& path, off_t size);
    void synced(std::string const& path) { files_.erase(path); }
    void removed(std::string const& path) { files_.erase(path); }
    /// Takes the writes back; all of them, or those that chance picks.
    void lose(bool all, std::uint32_t seed);

private:
    struct Piece {
        off_t offset;
        std::vector<char> bytes;
        off_t file_size;
    };

    void keep(int fd, std::string const& path, std::size_t size, off_t offset);

    std::map<std::string, std::vector<Piece>> files_;
};

} // namespace elves::shim
