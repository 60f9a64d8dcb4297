#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace elves::sim {

/// What happened, line by line, where somebody wants to read it; and in any case a digest of it, which is the
/// same for two runs that went the same way. While one lives, the log's records of this process go into it.
class Trace {
public:
    /// `now`: what a line begins with.
    explicit Trace(std::function<std::string()> now);
    ~Trace();
    Trace(Trace const&) = delete;
    Trace& operator=(Trace const&) = delete;

    /// Keeps the last lines; prints all of them as well where `print` is set.
    void keep(bool print);
    [[nodiscard]] bool is_kept() const noexcept { return kept_; }
    void add(std::string const& text);
    void digest(std::uint64_t value) noexcept { digest_ = (digest_ ^ value) * 0x100000001B3; }
    void digest(std::string_view text) noexcept;
    [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }
    [[nodiscard]] std::deque<std::string> const& lines() const noexcept { return lines_; }

    /// Called with each internal error that the log tells of.
    std::function<void(std::string const&)> on_internal_error;

private:
    std::function<std::string()> now_;
    std::deque<std::string> lines_;
    std::uint64_t digest_ = 0xCBF29CE484222325;
    bool kept_ = false;
    bool print_ = false;
};

} // namespace elves::sim

/// `ELVES_SIM_TRACE(trace, "agent " << name << " crashes")`: the text is only made where it is kept.
#define ELVES_SIM_TRACE(where, message)                                                                      \
    do {                                                                                                     \
        if ((where).is_kept()) {                                                                             \
            std::ostringstream elves_trace_text;                                                             \
            elves_trace_text << message;                                                                     \
            (where).add(std::move(elves_trace_text).str());                                                  \
        }                                                                                                    \
    } while (false)
