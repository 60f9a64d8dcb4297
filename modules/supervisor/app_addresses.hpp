#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "elves/asio.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/store.hpp"

namespace elves {

/// Where the apps' processors listen: in memory, and on disk first. The only place with their SQL. On the
/// loop's thread.
class AppAddresses {
public:
    using Apps = std::map<std::string, AppAddress, std::less<>>;

    explicit AppAddresses(Store& store, std::size_t most = 100'000) : store_(store), most_(most) {}

    /// Before the loop runs only: reads them all.
    void load();

    /// Null where there is none. Valid until the next co_await.
    [[nodiscard]] AppAddress const* find(std::string_view app) const;
    /// By name. Valid until the next co_await.
    [[nodiscard]] Apps const& all() const noexcept { return apps_; }

    // Each of these returns when it is on disk, together with what `also` writes. Error 507.1: nothing has
    // changed.
    /// Throws Error 429.1 where there are too many apps.
    [[nodiscard]] asio::awaitable<void> put(std::string app, AppAddress address, Store::Work also = {});
    /// Throws Error 413.2 where there is none of that name.
    [[nodiscard]] asio::awaitable<void> erase(std::string app, Store::Work also = {});

private:
    Store& store_;
    std::size_t most_;
    Apps apps_;
};

} // namespace elves
