#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/result_channel.hpp"
#include "agent/worker_output.hpp"
#include "core/utf8.hpp"
#include "elves/output_stream.hpp"

namespace elves::agent {

/// What a worker said, whatever its exit status.
struct WorkerAnswer {
    std::optional<bool> flag; ///< Nothing: it did not say; the exit status decides.
    std::string result;
    bool is_cut = false; ///< `result` is not all of it.
};

/// What a worker writes to its two streams and to its result descriptor: made UTF-8, read for its answer,
/// and passed on. No I/O.
class WorkerStreams {
public:
    using OnOutput = std::function<void(OutputStream stream, std::string_view text)>;

    /// Of a result at most `max_result` bytes are kept.
    WorkerStreams(std::size_t max_result, OnOutput on_output)
        : on_output_(std::move(on_output)), output_(max_result), result_(max_result)
    {
    }

    void put_output(std::string_view bytes) { take_output(output_repair_.put(bytes)); }
    void put_error_output(std::string_view bytes) { take_errors(error_repair_.put(bytes)); }
    void put_result(std::string_view bytes) { result_.put(result_repair_.put(bytes)); }
    /// All three have come to their end.
    void finish();

    /// From the result descriptor where the worker has written to it; then nothing on standard output counts.
    /// Else from standard output: its tags, or without a flag the end of the output.
    [[nodiscard]] WorkerAnswer answer() const;
    /// Did the answer come by the result descriptor?
    [[nodiscard]] bool has_result_channel() const noexcept { return result_.is_used(); }
    [[nodiscard]] WorkerOutput const& output() const noexcept { return output_; }
    /// The end of what it said on standard error: that is where the reason stands.
    [[nodiscard]] std::string error_text() const;
    /// The last 2 KiB of that, for an error.
    [[nodiscard]] std::string error_tail() const;
    /// The error text is not all there was.
    [[nodiscard]] bool truncated() const noexcept { return error_cut_; }

private:
    void take_output(std::string_view text);
    void take_errors(std::string_view text);

    OnOutput on_output_;
    Utf8Repair output_repair_;
    Utf8Repair error_repair_;
    Utf8Repair result_repair_;
    WorkerOutput output_;
    ResultChannel result_;
    std::string error_;
    bool error_cut_ = false;
};

} // namespace elves::agent
