#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "elves/peer.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// Passes on what workers print, as they print it; what is printed without a link is not passed on.
class LiveOutput {
public:
    void link_up(std::shared_ptr<Peer> server) { server_ = std::move(server); }
    void link_down() { server_.reset(); }
    /// `data`: whole characters.
    void put(TaskId id, std::uint64_t offset, std::string const& data) const;

private:
    std::shared_ptr<Peer> server_;
};

} // namespace elves::agent
