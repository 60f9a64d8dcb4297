#pragma once

#include <array>
#include <csignal>
#include <string>

namespace elves {

/// Prepares a long-running program before its main() runs: call it from a constructor function
/// (ELVES_PREPARE_PROCESS), while there is one thread.
/// - SIGHUP and SIGUSR1 are blocked until `release_signals`: by default they would end the process.
/// - SIGTERM and SIGINT end the process until their handlers are set, also as PID 1 of a container, where the
///   kernel ignores their default action.
/// - SIGPIPE is ignored: closing the reading end of standard error must not end the program.
/// - A closed standard stream is opened as /dev/null. Otherwise the next file that is opened, such as the
/// data
///   file, would take its descriptor and be written to as standard error.
void prepare_process() noexcept;

/// Delivers the signals that were held back. Once the handlers are set; on the main thread.
void release_signals() noexcept;

/// Holds back SIGHUP, SIGUSR1, SIGTERM and SIGINT on the calling thread, for good: for the last steps of a
/// program that is stopping already.
void hold_signals() noexcept;

/// Replaces this process by the program at `path`, with the same arguments, environment and process id.
/// Signals that `hold_signals` held back reach the new program as at any start. Only the standard streams
/// stay open. Throws std::runtime_error where the program can't be executed.
[[noreturn]] void execute_again(std::string const& path, char** argv);

/// While it lives, SIGTERM and SIGINT end the process at once, whatever handlers they have otherwise. For
/// long work that may be broken off anywhere, and during which nobody looks for signals.
class EndOnSignals {
public:
    EndOnSignals() noexcept;
    EndOnSignals(EndOnSignals const&) = delete;
    EndOnSignals& operator=(EndOnSignals const&) = delete;
    ~EndOnSignals();

private:
    static constexpr std::array<int, 2> numbers{SIGTERM, SIGINT};
    std::array<struct sigaction, 2> before_{};
};

} // namespace elves

/// In a program's main.cpp: before main(), and before its own static objects.
#define ELVES_PREPARE_PROCESS                                                                                \
    [[gnu::constructor(101)]] static void elves_prepare_process() noexcept { elves::prepare_process(); }
