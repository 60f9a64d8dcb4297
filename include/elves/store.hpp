#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "elves/asio.hpp"
#include "elves/sql.hpp"

namespace elves {

/// The data file. Work is handed over on the loop's thread and run on the store's own; its completion comes
/// back on the loop. Work owns its data, touches nothing else, and may be run a second time after a
/// roll-back: it must not move out of its captures.
class Store {
public:
    using Work = std::function<void(Db&)>;
    using Done = std::function<void(std::exception_ptr)>;

    virtual ~Store() = default;

    /// Runs `work` in a transaction with whatever else is queued; `done` comes after the commit, in the order
    /// of the calls. An exception of `work` undoes this work alone. Error 507.1: the disk did not take it,
    /// nothing of it is on disk; Error 429.1: too much is queued already.
    virtual void post(Work work, Done done) = 0;
    /// The same for what nobody waits for: may wait some milliseconds for others to share its commit. Runs
    /// before whatever is posted after it, as all does.
    virtual void post_soon(Work work, Done done) { post(std::move(work), std::move(done)); }
    /// Runs `work` on a read-only connection, once all that was posted before is on disk: reads see their own
    /// writes. For look-ups by an id or another index, which take microseconds: they share one thread, in the
    /// order of the calls. Error 429.1: too many wait, or `work` took longer than a read may.
    virtual void post_read(Work work, Done done) = 0;
    /// The same for lists, searches, sums and checks, whose time grows with the file. They have threads of
    /// their own, so that no `post_read` ever waits for them; two scans may end in another order than they
    /// were posted in.
    virtual void post_scan(Work work, Done done) { post_read(std::move(work), std::move(done)); }

    /// In a module's glue function only: says what its tables should be like. `schema` is its schema.sql:
    /// numbered parts, each begun by a line `-- migration N: title`. They are brought up to date, all
    /// modules' in one transaction, before the first `start()`.
    virtual void migrate(std::string_view module, std::string_view schema) = 0;
    /// Before the loop runs only: runs `work` at once, in a transaction.
    virtual void at_start(Work const& work) = 0;

    /// Returns when `work` is on disk. Throws what it threw, or as `post` says.
    [[nodiscard]] asio::awaitable<void> write(Work work)
    {
        return wait(
            [this, work = std::move(work)](Done done) mutable { post(std::move(work), std::move(done)); });
    }
    /// The same by `post_soon`.
    [[nodiscard]] asio::awaitable<void> write_soon(Work work)
    {
        return wait([this, work = std::move(work)](
                        Done done) mutable { post_soon(std::move(work), std::move(done)); });
    }
    /// The value that `work` returned, when it is on disk.
    template <class T>
    [[nodiscard]] asio::awaitable<T> write_for(std::function<T(Db&)> work)
    {
        auto value = std::make_shared<std::optional<T>>();
        Work keep = [value, work = std::move(work)](Db& db) { value->emplace(work(db)); };
        co_await write(std::move(keep));
        co_return std::move(**value);
    }
    /// The value that `work` read, by `post_read`.
    template <class T>
    [[nodiscard]] asio::awaitable<T> read(std::function<T(Db&)> work)
    {
        return read_by(&Store::post_read, std::move(work));
    }
    /// The value that `work` read, by `post_scan`.
    template <class T>
    [[nodiscard]] asio::awaitable<T> scan(std::function<T(Db&)> work)
    {
        return read_by(&Store::post_scan, std::move(work));
    }

private:
    using PostRead = void (Store::*)(Work, Done);
    template <class T>
    [[nodiscard]] asio::awaitable<T> read_by(PostRead post_it, std::function<T(Db&)> work)
    {
        auto value = std::make_shared<std::optional<T>>();
        Work keep = [value, work = std::move(work)](Db& db) { value->emplace(work(db)); };
        // Named: GCC 12 destroys a closure that is a temporary of a co_await twice.
        std::function<void(Done)> start = [this, post_it, keep = std::move(keep)](Done done) mutable {
            (this->*post_it)(std::move(keep), std::move(done));
        };
        co_await wait(std::move(start));
        co_return std::move(**value);
    }
    [[nodiscard]] static asio::awaitable<void> wait(std::function<void(Done)> start);
};

/// `work`, and behind it `also`, in one transaction. Either may be empty; where both are, so is this.
[[nodiscard]] Store::Work together(Store::Work work, Store::Work also);

} // namespace elves
