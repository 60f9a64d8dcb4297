#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace elves::http {

/// Key and token, as a request shows them.
struct Credentials {
    std::string key;
    std::string token;
};

/// Of `Authorization: Basic` (base64 of KEY:TOKEN) or `Bearer KEY:TOKEN`; nothing where it is neither.
[[nodiscard]] std::optional<Credentials> credentials_of(std::string_view authorization);

/// The value of the cookie `name` in a `Cookie` header; "" without one.
[[nodiscard]] std::string_view cookie_of(std::string_view header, std::string_view name) noexcept;

} // namespace elves::http
