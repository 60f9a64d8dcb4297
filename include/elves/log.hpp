#pragma once

#include <sstream>
#include <string>
#include <string_view>

namespace elves::log {

enum class Level { debug, info, warning, error };

/// Records below this level cost one comparison.
[[nodiscard]] Level level() noexcept;
/// Hands a record to the log's own thread; never waits. Any thread.
void write(Level level, std::string text);
/// Waits until what was written before is in the log. Only for a process that is about to abort. Any thread
/// but the log's own.
void flush();

} // namespace elves::log

/// `ELVES_LOG(info, "agent " << ip.text() << " is online")`. Ids and addresses; no parameters, no tokens.
#define ELVES_LOG(wanted, message)                                                                           \
    do {                                                                                                     \
        if (::elves::log::Level::wanted >= ::elves::log::level()) {                                          \
            std::ostringstream elves_log_text;                                                               \
            elves_log_text << message;                                                                       \
            ::elves::log::write(::elves::log::Level::wanted, std::move(elves_log_text).str());               \
        }                                                                                                    \
    } while (false)
