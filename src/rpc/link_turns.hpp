#pragma once

#include <memory>

#include "elves/asio.hpp"

namespace elves {

class Link;

/// Gives links that have frames left their next turn, in the order in which they asked for it: a few, then
/// what else has come, then more of them. On the loop's thread.
class LinkTurns {
public:
    void add(std::shared_ptr<Link> link, LoopExecutor const& loop);

private:
    struct Queue;
    static void give_some(std::shared_ptr<Queue> const& queue);

    /// The loop's next handler owns it: nothing where nobody waits.
    std::weak_ptr<Queue> queue_;
};

} // namespace elves
