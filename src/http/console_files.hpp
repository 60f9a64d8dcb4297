#pragma once

#include <span>
#include <string_view>

namespace elves::http {

/// A file of the web console, as it is linked into the server: made from modules/console/web by its build.
struct ConsoleFile {
    std::string_view path; ///< Such as `/console/app.5595f3cb2a944421.js`; the index is `/console/`.
    std::string_view content_type;
    std::string_view gzip_body;
    std::string_view etag; ///< With its quotes.
    bool immutable;        ///< The path has the content's digest: a browser need not ask for it again.
};

/// All files of the console. Empty where it was built without one (`-DELVES_CONSOLE=OFF`).
[[nodiscard]] std::span<ConsoleFile const> console_files();

} // namespace elves::http
