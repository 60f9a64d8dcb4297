#pragma once

#include <memory>

#include "gate_place.hpp"

namespace elves {

/// A call of `send` on its way.
struct LocalTaskEngine::Sending {
    explicit Sending(StartGate* gate) : place(gate) {}
    GatePlace place;
    std::weak_ptr<Peer> caller{};
    Later<Recorded> later{};
};

} // namespace elves
