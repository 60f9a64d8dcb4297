#pragma once

#include <optional>
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
    /// Who has it now, `process 4711`; std::nullopt where nobody has, or there is no lock file. Makes none,
    /// and waits for nobody. Throws as the constructor does where the lock file could not be opened.
    [[nodiscard]] static std::optional<std::string> holder_of(std::string const& path);
    FileLock(FileLock const&) = delete;
    FileLock& operator=(FileLock const&) = delete;

private:
    int fd_;
};

} // namespace elves
