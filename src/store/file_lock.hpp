#pragma once

#include <string>

namespace elves {

/// Keeps a data file to one process: an flock on `PATH.lock`, held for this object's life. Programs that go
/// through SQLite alone (a backup, a shell) are not kept out.
class FileLock {
public:
    /// Waits up to two seconds for who has it. Throws std::runtime_error, one line that names the file, who
    /// has it, and what to do.
    explicit FileLock(std::string const& path);
    ~FileLock();
    FileLock(FileLock const&) = delete;
    FileLock& operator=(FileLock const&) = delete;

private:
    int fd_;
};

} // namespace elves
