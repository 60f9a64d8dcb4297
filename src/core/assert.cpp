#include "elves/assert.hpp"

#include <cstdlib>
#include <sstream>

#include <unistd.h>

#include "elves/log.hpp"

namespace elves {

void assertion_failed(char const* file, int line, char const* condition, std::string_view message) noexcept
{
    // Without the log's thread: it may be the one that failed, and the process ends in a moment.
    std::ostringstream line_for_stderr;
    line_for_stderr << "assertion.failed at=" << file << ":" << line << " condition=" << condition << ": "
                    << message << "\n";
    auto const text = std::move(line_for_stderr).str();
    [[maybe_unused]] auto const written = ::write(STDERR_FILENO, text.data(), text.size());
    ELVES_LOG(error,
        "assertion.failed at=" << file << ":" << line << " condition=" << condition << ": " << message);
    log::flush();
    std::abort();
}

} // namespace elves
