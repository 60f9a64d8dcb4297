// However a stream is cut, the same frames come out of it, and nothing but what it holds is kept.
#include "core/frame_reader.hpp"

#include <cstdint>
#include <vector>

#include "cuts.hpp"
#include "fuzz_target.hpp"

using namespace elves;

namespace {

constexpr std::size_t header = 4;
constexpr std::size_t max_frame = 600;

struct Seen {
    std::vector<std::string> frames;
    FrameFault fault = FrameFault::none;
    std::size_t used = 0; ///< Bytes of the stream that the frames took.
    friend bool operator==(Seen const&, Seen const&) = default;
};

/// What docs/protocol.md says, read off the whole stream.
Seen by_the_book(std::string_view stream)
{
    Seen seen;
    while (stream.size() >= header) {
        std::uint32_t length = 0;
        for (auto const byte : stream.substr(0, header))
            length = length * 256 + static_cast<std::uint8_t>(byte);
        if (length == 0) seen.fault = FrameFault::empty;
        if (length > max_frame) seen.fault = FrameFault::too_large;
        if (seen.fault != FrameFault::none || stream.size() - header < length) break;
        seen.frames.emplace_back(stream.substr(header, length));
        seen.used += header + length;
        stream.remove_prefix(header + length);
    }
    return seen;
}

void take(FrameReader& reader, Seen& seen, std::size_t most)
{
    for (; most > 0; --most) {
        auto const text = reader.next();
        if (!text) return;
        seen.frames.emplace_back(*text);
        seen.used += header + text->size();
    }
}

/// As Link reads: each piece in a buffer that is used again, now and then only a frame or two at once.
Seen in_pieces(std::string_view stream, fuzz::Cuts cuts)
{
    constexpr auto all = static_cast<std::size_t>(-1);
    FrameReader reader(max_frame);
    Seen seen;
    std::size_t put = 0;
    for (std::string buffer; !stream.empty() && reader.fault() == FrameFault::none;) {
        buffer = cuts.piece(stream);
        put += buffer.size();
        reader.put(buffer);
        take(reader, seen, buffer.size() % 3 == 0 ? put % 3 : all);
        if (reader.fault() != FrameFault::none) break;
        reader.hold();
        PROMISE(reader.held() == put - seen.used);
        buffer.assign(buffer.size(), '?');
    }
    take(reader, seen, all);
    if (reader.fault() == FrameFault::none)
        PROMISE(reader.held() == put - seen.used && reader.held() < header + max_frame);
    seen.fault = reader.fault();
    return seen;
}

} // namespace

FUZZ_TARGET(frame)
{
    fuzz::Cuts const cuts(input);
    auto const wanted = by_the_book(input);
    PROMISE(in_pieces(input, cuts) == wanted);

    std::string sealed;
    for (auto const& text : wanted.frames) {
        auto const at = sealed.size();
        sealed.append(header, '\0').append(text);
        seal_frame(sealed, at);
    }
    PROMISE(sealed == input.substr(0, wanted.used));
}
