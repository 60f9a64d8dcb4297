#include "elves/store.hpp"

namespace elves {

asio::awaitable<void> Store::wait(std::function<void(Done)> start)
{
    auto initiate = [start = std::move(start)](auto handler) {
        // std::function copies, the handler doesn't. It owns the waiting coroutine: dropped uncalled, it
        // takes the coroutine with it.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start([shared = std::move(shared)](std::exception_ptr error) {
            auto resume = std::move(*shared);
            std::move(resume)(std::move(error));
        });
    };
    return asio::async_initiate<asio::use_awaitable_t<LoopExecutor> const, void(std::exception_ptr)>(
        std::move(initiate), asio::use_awaitable);
}

Store::Work together(Store::Work work, Store::Work also)
{
    if (!also) return work;
    if (!work) return also;
    return [work = std::move(work), also = std::move(also)](Db& db) {
        work(db);
        also(db);
    };
}

} // namespace elves
