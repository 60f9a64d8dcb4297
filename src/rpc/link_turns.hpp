#pragma once

#include <memory>

#include "elves/asio.hpp"

namespace elves {

class Link;

/// Gives links that have something left to do their next turn, in the order in which they asked for it: a
/// few, then what else has come, then more of them. On the loop's thread.
class LinkTurns {
public:
    /// What a link does in its turn.
    using Act = void (Link::*)();

    void add(std::shared_ptr<Link> link, Act act, LoopExecutor const& loop);
    /// An agent's link has something to read: of thousands that have, a few are read at once, and the others
    /// wait here, so that who calls waits for those few alone.
    [[nodiscard]] bool may_read_agent(LoopExecutor const& loop);

private:
    struct Queue;
    std::shared_ptr<Queue> queue(LoopExecutor const& loop);
    static void give_some(std::shared_ptr<Queue> const& queue);

    /// The loop's next handler owns it: nothing where nobody waits.
    std::weak_ptr<Queue> queue_;
    std::size_t agents_read_ = 0;
};

} // namespace elves
