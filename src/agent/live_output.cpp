#include "agent/live_output.hpp"

#include <string_view>

namespace elves::agent {

static constexpr std::size_t max_piece = std::size_t{16} * 1024;

/// At most `max_piece` bytes, no character cut in two.
static std::string_view piece_of(std::string_view text)
{
    if (text.size() <= max_piece) return text;
    auto end = max_piece;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end > 0 ? end : max_piece);
}

void LiveOutput::put(TaskId id, std::uint64_t offset, std::string const& data) const
{
    if (!server_) return;
    std::string_view rest = data;
    while (!rest.empty()) {
        auto const piece = piece_of(rest);
        server_->cast(
            "tasklog", "output", json::object{{"id", id.text()}, {"offset", offset}, {"data", piece}});
        offset += piece.size();
        rest.remove_prefix(piece.size());
    }
}

} // namespace elves::agent
