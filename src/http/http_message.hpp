#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "elves/ip.hpp"

namespace elves::http {

class ClientPresence;
class Stream;

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A request as it was received, its body whole.
struct Request {
    std::string method; ///< `GET`.
    std::string target; ///< As it was sent: `/events?since=4`.
    Headers headers;    ///< Names in lower case, in the order of the request; the first of a name counts.
    std::string body;
    Ip from;
    std::string address; ///< `10.0.0.1:50123`, for the log and the audit trail.
    bool is_tls = false;
    std::shared_ptr<ClientPresence> client{}; ///< Who waits for the reply.

    /// The header's value, "" without one. `name` in lower case.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
    /// The target without its query.
    [[nodiscard]] std::string_view path() const noexcept;
};

class ClientPresence;
class Stream;

struct Reply {
    int status = 200;
    std::string content_type = "application/json";
    std::string body{};
    Headers headers{};
    std::shared_ptr<Stream> stream{}; ///< In place of `body`.
};

/// `{"flag":"false","error_info":"[CODE] why"}`, as a call that is refused is answered (docs/protocol.md).
[[nodiscard]] Reply refusal(int status, std::string_view code, std::string_view why);

/// The values of `name` in a target's query, decoded, in order. What is no `name=value` is left out; an
/// escape that is none stands for itself.
[[nodiscard]] std::vector<std::string> query_values(std::string_view target, std::string_view name);

/// `%41` to `A`, and with `is_form` `+` to a blank.
[[nodiscard]] std::string url_decoded(std::string_view text, bool is_form);

} // namespace elves::http
