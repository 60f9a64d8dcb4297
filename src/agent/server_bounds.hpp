#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "elves/json_value.hpp"

namespace elves::agent {

/// Limits of the server, as its last reply to `register` said them. On the loop's thread.
class ServerBounds {
public:
    /// Of a server that says nothing: the server's default.
    static constexpr std::size_t default_max_frame = std::size_t{4} * 1024 * 1024;
    /// No larger frame is sent, whatever the server takes.
    static constexpr std::size_t largest_frame = std::size_t{64} * 1024 * 1024;

    void learn(JsonValue const& reply);
    /// Why a call failed with its link. Where the server closed that for a frame that was too large
    /// ([400.2]), although it was small enough for what is known, frames are half as large from then on: the
    /// same one would end each new link.
    void link_failed(std::string_view why);

    /// Bytes that a frame to the server may have.
    [[nodiscard]] std::size_t max_frame() const noexcept;
    /// Bytes that the server keeps of each stream of a task. Nothing: the server has not said so; it takes
    /// standard output only.
    [[nodiscard]] std::optional<std::size_t> max_output() const noexcept { return max_output_; }

private:
    std::size_t told_ = default_max_frame;
    int halvings_ = 0;
    bool has_refused_ = false; ///< On this link: several calls fail with one.
    std::optional<std::size_t> max_output_;
};

} // namespace elves::agent
