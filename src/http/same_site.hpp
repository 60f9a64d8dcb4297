#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http_message.hpp"

namespace elves::http {

/// The names by which this server may be asked. A web page can make a browser send requests to any address
/// that its user reaches, also by a name that the page's owner lets point there (DNS rebinding): what such a
/// request cannot fake is its `Host`, its `Origin` and its `Sec-Fetch-Site`.
class SameSite {
public:
    /// `names` of `[http] hosts` and of the certificate, in any case, with `*.` or without a port. localhost,
    /// 127.0.0.1 and ::1 always count.
    explicit SameSite(std::vector<std::string> names);

    /// Why the request goes by a name that is none of this server's; nothing where it is one.
    [[nodiscard]] std::optional<std::string> host_fault(Request const& request) const;
    /// The same, and why the request is none that a page of this server makes, or no page at all.
    [[nodiscard]] std::optional<std::string> fault(Request const& request) const;

private:
    [[nodiscard]] bool is_known(std::string_view host) const;

    std::vector<std::string> names_; ///< In lower case.
};

} // namespace elves::http
