#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"

namespace elves::ctl {

/// Bytes that a PARAM may have; the server refuses more.
inline constexpr std::size_t max_param_bytes = std::size_t{1024} * 1024;
/// Agents that one list of hosts may name.
inline constexpr std::size_t max_hosts = 100'000;

/// The text that a typed value stands for: `-` is standard input, `@FILE` a file's content, `@@TEXT` the text
/// `@TEXT`, anything else itself. Content is taken byte for byte. Throws Usage, which names `what` and the
/// file, where it can't be read, is not UTF-8 or has more than `most` bytes. Standard input can be read once
/// a process; a second `-` throws Usage.
[[nodiscard]] std::string typed_text(std::string_view what, std::string const& typed, std::size_t most);

/// The addresses in a file (`-`: standard input), one a line. A `#` begins a comment; blank lines, a byte
/// order mark and CRLF are accepted; each address is kept once. Throws Usage with the line's number.
[[nodiscard]] std::vector<Ip> read_hosts(std::string const& file);
/// The same of a text that was read from `source`.
[[nodiscard]] std::vector<Ip> hosts_in(std::string_view text, std::string const& source);

} // namespace elves::ctl
