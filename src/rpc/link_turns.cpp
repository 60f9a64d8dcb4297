#include "rpc/link_turns.hpp"

#include <boost/asio/post.hpp>
#include <deque>
#include <utility>

#include "rpc/link.hpp"

namespace elves {

namespace {

/// Before the loop looks what else has come: that waits for these alone.
constexpr std::size_t turns_at_once = 8;

} // namespace

struct LinkTurns::Queue {
    LoopExecutor loop;
    std::deque<std::shared_ptr<Link>> links{};
};

void LinkTurns::add(std::shared_ptr<Link> link, LoopExecutor const& loop)
{
    auto queue = queue_.lock();
    if (queue) return queue->links.push_back(std::move(link));
    queue = std::make_shared<Queue>(Queue{loop});
    queue->links.push_back(std::move(link));
    queue_ = queue;
    asio::post(loop, [queue] { give_some(queue); });
}

void LinkTurns::give_some(std::shared_ptr<Queue> const& queue)
{
    for (std::size_t i = 0; i < turns_at_once && !queue->links.empty(); ++i) {
        auto const link = std::move(queue->links.front());
        queue->links.pop_front();
        link->handle_frames();
    }
    if (!queue->links.empty()) asio::post(queue->loop, [queue] { give_some(queue); });
}

} // namespace elves
