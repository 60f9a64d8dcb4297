// In place of the log, whose thread would take and give back memory between two inputs: nobody reads it here.
#include "elves/log.hpp"

namespace elves::log {

Level level() noexcept { return Level::debug; }
void write(Level, std::string) {}
void flush() {}

} // namespace elves::log
