#pragma once

#include <memory>
#include <string>

#include "elves/log.hpp"
#include "elves/settings.hpp"

namespace elves {

struct LogSettings {
    /// Of the `[log]` section. Throws SettingsError.
    [[nodiscard]] static LogSettings read(Section const& section);
    /// Throws what LogSetup would throw, and makes no file.
    void require_writable_file() const;

    log::Level level = log::Level::info;
    std::string file; ///< Appended to, made with mode 0640; empty: none.
    bool to_stderr = true;
};

/// The log's own thread and where it writes, one line a record:
/// `2026-11-24 00:21:46.123 warning text`, in the machine's time zone. A queue of bounded length before it:
/// what comes too fast is dropped, and the number of it logged. While there is none, warnings and errors go
/// straight to stderr. One a process.
class LogSetup {
public:
    /// Throws std::runtime_error, one line, where the file can't be opened.
    explicit LogSetup(LogSettings settings);
    /// Writes what is queued.
    ~LogSetup();
    LogSetup(LogSetup const&) = delete;
    LogSetup& operator=(LogSetup const&) = delete;

    /// Opens the file anew (logrotate has moved it). Where that fails the old one stays, and the log says so.
    void reopen();
    void set_level(log::Level level);
    /// Writes nothing any more, not even without a LogSetup: for programs that print their own errors, which
    /// would otherwise be there twice.
    static void mute();

private:
    class Sink;
    std::unique_ptr<Sink> sink_;
};

} // namespace elves
