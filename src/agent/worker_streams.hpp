#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/worker_output.hpp"
#include "core/utf8.hpp"

namespace elves::agent {

/// What a worker prints on its two streams: made UTF-8, read for its answer, passed on and kept up to a
/// bound. No I/O.
class WorkerStreams {
public:
    using OnOutput = std::function<void(std::uint64_t offset, std::string data)>;

    WorkerStreams(std::size_t max_output, OnOutput on_output)
        : max_output_(max_output), on_output_(std::move(on_output)), output_(max_output)
    {
    }

    void put_output(std::string_view bytes) { pass_on(output_repair_.put(bytes)); }
    void put_error_output(std::string_view bytes) { keep_error(error_repair_.put(bytes)); }
    /// Both streams have come to their end.
    void finish();

    [[nodiscard]] WorkerOutput const& output() const noexcept { return output_; }
    /// The end of what it said on standard error: that is where the reason stands.
    [[nodiscard]] std::string error_text() const;
    /// Output, result or error text is not all there was.
    [[nodiscard]] bool truncated() const noexcept
    {
        return output_cut_ || error_cut_ || output_.result_cut();
    }

private:
    void pass_on(std::string text);
    void keep_error(std::string_view text);

    std::size_t max_output_;
    OnOutput on_output_;
    Utf8Repair output_repair_;
    Utf8Repair error_repair_;
    WorkerOutput output_;
    std::size_t passed_on_ = 0;
    bool output_cut_ = false;
    std::string error_;
    bool error_cut_ = false;
};

} // namespace elves::agent
