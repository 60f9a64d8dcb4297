#pragma once

#include <span>

#include "http/console_files.hpp"
#include "http/http_message.hpp"

namespace elves::http {

/// `/console/…`: the console's files. Nothing of the fleet is in them, so anybody may have them.
class ConsoleRoute {
public:
    explicit ConsoleRoute(std::span<ConsoleFile const> files) : files_(files) {}

    /// Each address below `/console/` that is no file's is a view of the console: the index answers it.
    [[nodiscard]] Reply answer(Request const& request) const;
    [[nodiscard]] bool is_empty() const noexcept { return files_.empty(); }

private:
    [[nodiscard]] ConsoleFile const* find(std::string_view path) const noexcept;

    std::span<ConsoleFile const> files_;
};

} // namespace elves::http
