#pragma once

#include <string>

namespace elves {
class Router;
}

namespace elves::http {

/// Every method of the server as an OpenAPI 3.1 document, as JSON text.
[[nodiscard]] std::string open_api(Router const& router, std::string_view version);

} // namespace elves::http
