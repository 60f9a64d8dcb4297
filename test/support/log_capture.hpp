#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <unistd.h>

#include "log/log_setup.hpp"

namespace elves {

/// Keeps what is logged, for a test that looks for a line.
class LogCapture {
public:
    LogCapture()
        : setup_(std::make_unique<LogSetup>(
              LogSettings{.level = log::Level::info, .file = path_, .to_stderr = false}))
    {
    }
    LogCapture(LogCapture const&) = delete;
    LogCapture& operator=(LogCapture const&) = delete;
    ~LogCapture() { std::filesystem::remove(path_); }
    /// What was logged until the first call.
    [[nodiscard]] std::string text()
    {
        setup_.reset(); // Its end writes what is queued.
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    std::string path_ =
        (std::filesystem::temp_directory_path() / ("elves-log-" + std::to_string(::getpid()) + ".txt"))
            .string();
    std::unique_ptr<LogSetup> setup_;
};

} // namespace elves
