#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace elves::ctl {

/// What a stream of this process is connected to.
struct Terminal {
    bool is_terminal = false;
    bool has_color = false;
};

/// Colour needs a terminal; NO_COLOR (not empty) and TERM=dumb switch it off.
[[nodiscard]] Terminal terminal_of(int descriptor);
/// Columns of the terminal, asked anew each time since it may be resized; COLUMNS, or 80, where the terminal
/// does not say.
[[nodiscard]] std::size_t columns_of(int descriptor);

/// `word` in the colour of the state that it names; as it is where it names none, or without `has_color`.
[[nodiscard]] std::string painted(std::string_view word, bool has_color);
/// A table's head.
[[nodiscard]] std::string emphasized(std::string const& text, bool has_color);

} // namespace elves::ctl
