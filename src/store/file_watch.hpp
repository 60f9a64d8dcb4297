#pragma once

#include <array>
#include <string>

namespace elves {

/// Finds out that a data file which is open, or what SQLite keeps beside it, was removed or replaced under
/// its name: what is written then goes to a file that nobody will find again. One thread at a time.
class FileWatch {
public:
    /// Takes down which file `path` is now; it is open.
    explicit FileWatch(std::string path);

    /// What is wrong, one line that names the file; "" where nothing is. Blocks on the file system, so never
    /// on the event loop. The -wal and -shm files count from when they are first seen.
    [[nodiscard]] std::string look();
    /// The connection was closed and opened again: SQLite may have made the -wal and -shm files anew.
    void forget_companions();

    ~FileWatch();
    FileWatch(FileWatch const&) = delete;
    FileWatch& operator=(FileWatch const&) = delete;

private:
    /// A name, and which file it was: held by a descriptor that is good for nothing else (O_PATH), so that
    /// its number cannot become another file's. Closing such a one drops no locks of SQLite's.
    struct Watched {
        std::string path;
        int fd = -1; ///< -1: not seen yet.
    };
    [[nodiscard]] static std::string look_at(Watched& watched);
    static void forget(Watched& watched);

    std::array<Watched, 3> files_; ///< The data file is the first.
};

} // namespace elves
