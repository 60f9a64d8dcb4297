#include "agent/server_contact.hpp"

#include <algorithm>
#include <utility>

namespace elves::agent {

ServerContact::ServerContact(Clock& clock, std::chrono::seconds without_server)
    : clock_(clock), without_server_(without_server), known_{clock.now(), {}}, heard_(clock.steady())
{
}

void ServerContact::set(Contact known)
{
    auto const now = clock_.now();
    known.heard = std::min(known.heard, now);
    heard_ = clock_.steady() - (now - known.heard);
    known_ = std::move(known);
}

void ServerContact::hear()
{
    is_linked_ = true;
    heard_ = clock_.steady();
    known_ = {clock_.now(), {}};
}

void ServerContact::lose(std::chrono::milliseconds ago)
{
    is_linked_ = false;
    heard_ = clock_.steady() - ago;
    known_.heard = clock_.now() - ago;
}

void ServerContact::refuse(std::string why)
{
    is_linked_ = false;
    known_.refused = std::move(why);
}

std::optional<ServerContact::Hold> ServerContact::hold() const
{
    if (!known_.refused.empty()) return Hold{"was shut out by its server", "shut out: " + known_.refused};
    if (is_linked_) return std::nullopt;
    // A suspended machine's steady clock stands still; its time of day may be set back. The longer one
    // counts.
    auto const steady = std::chrono::floor<std::chrono::milliseconds>(clock_.steady() - heard_);
    if (std::max(steady, clock_.now() - known_.heard) < without_server_) return std::nullopt;
    return Hold{"was without its server for too long",
        "no server was heard for [cron] without_server (" + std::to_string(without_server_.count()) + " s)"};
}

} // namespace elves::agent
