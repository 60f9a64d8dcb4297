#pragma once

#include <string_view>

namespace elves {

/// Ends the process because an invariant does not hold: logs the event `assertion.failed` with the place, the
/// condition and `message`, writes it to stderr, and aborts. Any thread. `message` names no parameters and no
/// tokens.
[[noreturn]] void assertion_failed(
    char const* file, int line, char const* condition, std::string_view message) noexcept;

} // namespace elves

/// `ELVES_ASSERT(count > 0, "a reply for a call that nobody made")`: the condition must hold here, whatever a
/// peer, the disk or an operator does. Checked in every build; costs one comparison. What others can cause is
/// an Error instead.
#define ELVES_ASSERT(condition, message)                                                                     \
    do {                                                                                                     \
        if (!(condition)) [[unlikely]]                                                                       \
            ::elves::assertion_failed(__FILE_NAME__, __LINE__, #condition, message);                         \
    } while (false)
