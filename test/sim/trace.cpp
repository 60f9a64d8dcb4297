#include "sim/trace.hpp"

#include <iostream>

#include "elves/log.hpp"

namespace elves::sim {

namespace {

constexpr std::size_t most_lines = 400;
Trace* the_trace = nullptr;

} // namespace

Trace::Trace(std::function<std::string()> now) : now_(std::move(now)) { the_trace = this; }

Trace::~Trace() { the_trace = nullptr; }

void Trace::keep(bool print)
{
    kept_ = true;
    print_ = print;
}

void Trace::add(std::string const& text)
{
    if (!kept_) return;
    auto line = now_() + " " + text;
    if (print_) std::cout << line << '\n';
    lines_.push_back(std::move(line));
    if (lines_.size() > most_lines) lines_.pop_front();
}

void Trace::digest(std::string_view text) noexcept
{
    for (char const c : text) digest(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
}

} // namespace elves::sim

// In place of src/log: no thread, no stderr.
namespace elves::log {

Level level() noexcept { return sim::the_trace && sim::the_trace->is_kept() ? Level::debug : Level::error; }

void write(Level level, std::string text)
{
    auto* const trace = sim::the_trace;
    if (!trace) return;
    trace->add("  log: " + text);
    if (level == Level::error && text.starts_with("internal error") && trace->on_internal_error)
        trace->on_internal_error(text);
}

void flush() {}

} // namespace elves::log
