#include "agent/server_bounds.hpp"

#include <algorithm>

#include "elves/json_fields.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

constexpr std::size_t smallest_frame = 4096;
constexpr int most_halvings = 10;

std::optional<std::size_t> size_in(JsonValue const& reply, std::string_view field)
{
    auto const* const value = reply.find(field);
    auto const number = value ? whole_number(*value) : std::nullopt;
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::size_t>(*number);
}

} // namespace

void ServerBounds::learn(JsonValue const& reply)
{
    auto const told = size_in(reply, "max_frame").value_or(default_max_frame);
    if (told != told_) halvings_ = 0;
    told_ = told;
    has_refused_ = false;
    max_output_ = size_in(reply, "max_output");
}

void ServerBounds::link_failed(std::string_view why)
{
    if (has_refused_ || why.find("[400.2]") == std::string_view::npos) return;
    has_refused_ = true;
    if (halvings_ < most_halvings) ++halvings_;
    ELVES_LOG(warning, "frame.refused max_frame=" << max_frame()
                                                  << ": the server closed the link because of a frame that "
                                                     "was too large; smaller ones are sent from now on");
}

std::size_t ServerBounds::max_frame() const noexcept
{
    return std::clamp(std::min(told_, largest_frame) >> halvings_, smallest_frame, largest_frame);
}

} // namespace elves::agent
