#include "rpc/link_turns.hpp"

#include <boost/asio/post.hpp>
#include <deque>
#include <utility>

#include "rpc/link.hpp"

namespace elves {

namespace {

/// Before the loop looks what else has come: that waits for these alone.
constexpr std::size_t turns_at_once = 4;
constexpr std::size_t agents_at_once = 8;

} // namespace

struct LinkTurns::Queue {
    LoopExecutor loop;
    std::deque<std::pair<std::shared_ptr<Link>, Act>> turns{};
};

void LinkTurns::add(std::shared_ptr<Link> link, Act act, LoopExecutor const& loop)
{
    queue(loop)->turns.emplace_back(std::move(link), act);
}

bool LinkTurns::may_read_agent(LoopExecutor const& loop)
{
    if (!queue_.expired()) return false;
    if (++agents_read_ < agents_at_once) return true;
    agents_read_ = 0;
    queue(loop);
    return true;
}

std::shared_ptr<LinkTurns::Queue> LinkTurns::queue(LoopExecutor const& loop)
{
    auto queue = queue_.lock();
    if (queue) return queue;
    queue = std::make_shared<Queue>(Queue{loop});
    queue_ = queue;
    asio::post(loop, [queue] { give_some(queue); });
    return queue;
}

void LinkTurns::give_some(std::shared_ptr<Queue> const& queue)
{
    for (std::size_t i = 0; i < turns_at_once && !queue->turns.empty(); ++i) {
        auto const [link, act] = std::move(queue->turns.front());
        queue->turns.pop_front();
        ((*link).*act)();
    }
    if (!queue->turns.empty()) asio::post(queue->loop, [queue] { give_some(queue); });
}

} // namespace elves
