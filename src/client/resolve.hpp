#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "elves/clock.hpp"

namespace elves {

/// What a name stands for, and why there is nothing.
struct ResolvedName {
    std::vector<boost::asio::ip::tcp::endpoint> places; ///< In the system's order; none twice.
    std::string fault;                                  ///< "": `places` has one at least.
};

/// Looks a name up at once, on the calling thread, which may take as long as the system's resolver does. An
/// address needs no look-up.
[[nodiscard]] ResolvedName resolve_now(std::string const& host, std::uint16_t port);

/// Looks a name up on a thread of its own, for at most `limit`: a resolver that hangs holds up neither the
/// loop nor the end of the program. At most 16 look-ups of a process go on at a time; the others wait. On the
/// loop's thread. Throws nothing: see ResolvedName::fault.
[[nodiscard]] asio::awaitable<ResolvedName> resolve(
    std::string host, std::uint16_t port, std::chrono::milliseconds limit, Clock& clock);

/// For tests: what looks names up instead of the system. Empty: the system does.
void set_resolver_for_tests(std::function<ResolvedName(std::string const&, std::uint16_t)> resolver);

} // namespace elves
