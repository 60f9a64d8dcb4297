#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "elves/json.hpp"
#include "rpc/envelope.hpp"

namespace elves {

/// What a request comes to: its fields, and `error_info` with its code, "" where all is well.
struct Outcome {
    json::object fields;
    std::string error_info;
    std::string_view code{};
    std::shared_ptr<std::string const> members{}; ///< As Reply::members.
};

/// Where a reply goes: what its envelope repeats, as JSON texts. Owns them: an answer may come later than its
/// frame goes.
struct ReplyTo {
    std::string mqs;
    std::string mqf;
    std::string mqid; ///< "" without.

    [[nodiscard]] static ReplyTo of(Envelope const& envelope);
};

/// Appends the whole frame of a reply to `out`. An answer over `max_frame` is replaced by a refusal that says
/// so: no client could read it. The one place that writes `flag` and `error_info` of a reply.
void append_back(std::string& out, Envelope const& to, Outcome const& outcome, std::size_t max_frame);
void append_back(std::string& out, ReplyTo const& to, Outcome const& outcome, std::size_t max_frame);

/// Appends the reply as one JSON object without an envelope: `flag`, `error_info`, and its fields.
void append_outcome(std::string& out, Outcome const& outcome);

/// Appends the whole frame of a call (with `mqid`) or of a cast (`mqid` 0).
void append_request(std::string& out, std::string_view service, std::string_view method, std::int64_t mqid,
    json::object const& fields);
/// The same with the fields as the text of an object's members.
void append_request(std::string& out, std::string_view service, std::string_view method, std::int64_t mqid,
    std::string_view members);

} // namespace elves
