#pragma once

#include <string>
#include <string_view>

namespace elves {

/// Whether bytes that should be a frame are the beginning of an HTTP request. As a frame's length they would
/// be over a GiB, which no server takes.
[[nodiscard]] bool begins_like_http(std::string_view bytes) noexcept;

/// A whole HTTP response that says where HTTP is spoken. `http_port`: `127.0.0.1:7789`, "" for nowhere.
[[nodiscard]] std::string http_hint(std::string_view http_port);

} // namespace elves
