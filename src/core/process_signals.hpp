#pragma once

namespace elves {

/// Prepares a long-running program for what may come before its main() has set anything up. To be called by a
/// constructor function of the program (ELVES_PREPARE_PROCESS), while it has one thread:
/// - SIGHUP is held back until `release_signals`: before, it would end the process in place of a reload;
/// - SIGTERM and SIGINT end the process until their handlers are set, also as PID 1 of a container, whose
/// default
///   is to ignore them;
/// - SIGPIPE is ignored: a reader of standard error that goes away must not end the program;
/// - a standard stream that is closed becomes /dev/null: else the first file that is opened, a data file say,
/// would
///   be written to as standard error.
void prepare_process() noexcept;

/// Delivers the SIGHUP that was held back. Once the handlers are set; on the main thread.
void release_signals() noexcept;

/// Holds back SIGHUP, SIGTERM and SIGINT on the calling thread, for good: for the last steps of a program
/// that is stopping already.
void hold_signals() noexcept;

} // namespace elves

/// In a program's main.cpp: before main(), and before its own static objects.
#define ELVES_PREPARE_PROCESS                                                                                \
    [[gnu::constructor(101)]] static void elves_prepare_process() noexcept { elves::prepare_process(); }
