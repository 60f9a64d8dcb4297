#include "rpc/back.hpp"

#include "core/frame_reader.hpp"
#include "elves/error.hpp"
#include "elves/json_members.hpp"

namespace elves {

namespace {

constexpr std::string_view no_length("\0\0\0\0", 4);

constexpr auto no_end = std::string::npos;

/// Appends the whole text, or one that is cut somewhere past `most` bytes: nobody will read that.
template <class Value>
void append_json(std::string& out, Value const& value, std::size_t most = no_end)
{
    auto const at = out.size();
    json::serializer serializer;
    serializer.reset(&value);
    char piece[4096];
    while (!serializer.done() && out.size() - at <= most) {
        auto const part = serializer.read(piece, sizeof piece);
        out.append(part.data(), part.size());
    }
}

/// Appends what the request has as its `mqid`, a string or an integer, as it was sent.
void append_mqid(std::string& out, JsonValue const& mqid)
{
    if (mqid.is_string()) return append_json_string(out, mqid.string());
    out += mqid.number_text();
}

/// Appends `{"a":1}` without its first brace, behind a comma; or just the closing brace where it is empty.
/// Cut as by append_json.
void append_rest(std::string& out, json::object const& fields, std::size_t most = no_end)
{
    auto const at = out.size();
    append_json(out, fields, most);
    if (fields.empty()) {
        out.erase(at, 1);
    } else {
        out[at] = ',';
    }
}

void append_verdict(std::string& out, Outcome const& outcome)
{
    if (outcome.error_info.empty()) {
        out += R"("flag":"true","error_info":"")";
    } else {
        out += R"("flag":"false","error_info":)";
        append_json_string(out, outcome.error_info);
    }
}

template <class Head>
void append_frame(std::string& out, Head const& head, Outcome const& outcome, std::size_t max_frame)
{
    auto const at = out.size();
    out.append(no_length);
    out += "{\"mqt\":\"back\",\"mqs\":";
    head(out);
    out += ',';
    append_verdict(out, outcome);
    auto const size = [&] { return out.size() - at - no_length.size(); };
    if (outcome.members) out.append(1, ',').append(*outcome.members);
    if (size() <= max_frame) append_rest(out, outcome.fields, max_frame - size());
    if (size() > max_frame) {
        out.resize(at);
        Error const error(codes::too_much, "the answer is over server.max_frame (" +
                                               std::to_string(max_frame) +
                                               " bytes); ask for fewer at a time");
        append_frame(out, head, Outcome{{}, error.info()}, no_end);
        return;
    }
    seal_frame(out, at);
}

} // namespace

void append_outcome(std::string& out, Outcome const& outcome)
{
    out += '{';
    append_verdict(out, outcome);
    if (outcome.members) out.append(1, ',').append(*outcome.members);
    append_rest(out, outcome.fields);
}

ReplyTo ReplyTo::of(Envelope const& envelope)
{
    ReplyTo to;
    append_json_string(to.mqs, envelope.mqs);
    append_json_string(to.mqf, envelope.mqf);
    if (envelope.mqid) append_mqid(to.mqid, *envelope.mqid);
    return to;
}

void append_back(std::string& out, Envelope const& to, Outcome const& outcome, std::size_t max_frame)
{
    auto const head = [&](std::string& text) {
        append_json_string(text, to.mqs);
        text += ",\"mqf\":";
        append_json_string(text, to.mqf);
        if (to.mqid) {
            text += ",\"mqid\":";
            append_mqid(text, *to.mqid);
        }
    };
    append_frame(out, head, outcome, max_frame);
}

void append_back(std::string& out, ReplyTo const& to, Outcome const& outcome, std::size_t max_frame)
{
    auto const head = [&](std::string& text) {
        text.append(to.mqs).append(",\"mqf\":").append(to.mqf);
        if (!to.mqid.empty()) text.append(",\"mqid\":").append(to.mqid);
    };
    append_frame(out, head, outcome, max_frame);
}

namespace {

void append_request_head(
    std::string& out, std::string_view service, std::string_view method, std::int64_t mqid)
{
    out.append(no_length);
    out += mqid ? "{\"mqt\":\"call\",\"mqs\":" : "{\"mqt\":\"cast\",\"mqs\":";
    append_json_string(out, service);
    out += ",\"mqf\":";
    append_json_string(out, method);
    if (mqid) out.append(",\"mqid\":").append(std::to_string(mqid));
}

} // namespace

void append_request(std::string& out, std::string_view service, std::string_view method, std::int64_t mqid,
    json::object const& fields)
{
    auto const at = out.size();
    append_request_head(out, service, method, mqid);
    append_rest(out, fields);
    seal_frame(out, at);
}

void append_request(std::string& out, std::string_view service, std::string_view method, std::int64_t mqid,
    std::string_view members)
{
    auto const at = out.size();
    append_request_head(out, service, method, mqid);
    if (!members.empty()) out.append(1, ',').append(members);
    out += '}';
    seal_frame(out, at);
}

} // namespace elves
