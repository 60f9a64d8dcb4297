#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "elves/json.hpp"

namespace elves::ctl {

/// What `gettaskoutput` shows of one task, collected page by page.
struct TaskOutput {
    std::string output;
    std::string errors;
    std::string exit_code; ///< Empty: none is known.
    std::size_t size = 0;  ///< Of the whole standard output, as the server said last.
    std::size_t errors_size = 0;
    std::string left_out; ///< Bytes that the server did not keep; empty for none.
    bool is_truncated = false;

    /// The call for what comes next.
    [[nodiscard]] json::object next_call(std::string const& id) const;
    /// Takes a reply to that call. False: there is nothing more for now.
    bool take(json::object const& reply);
    /// How many bytes came in so far; the texts themselves may have been taken away.
    std::size_t output_read = 0;
    std::size_t errors_read = 0;
};

/// Turns the pieces of a stream into lines for a terminal, each behind a prefix. Without a prefix text goes
/// out as it comes; with one, as soon as its line has ended, so that the lines of several tasks do not mix.
class LinePrinter {
public:
    explicit LinePrinter(std::string prefix) : prefix_(std::move(prefix)) {}
    /// Returns what can be written now.
    [[nodiscard]] std::string put(std::string_view text);
    /// Returns the rest, its last line ended.
    [[nodiscard]] std::string finish();

private:
    std::string prefix_;
    std::string line_; ///< With a prefix: not ended yet.
    bool is_in_line_ = false;
};

} // namespace elves::ctl
