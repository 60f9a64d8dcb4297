#include "app_addresses.hpp"

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

constexpr std::string_view select_all = "SELECT name, host, port FROM app";

constexpr std::string_view upsert = "INSERT INTO app (name, host, port) VALUES (?1, ?2, ?3)"
                                    " ON CONFLICT (name) DO UPDATE SET host = ?2, port = ?3";

constexpr std::string_view delete_one = "DELETE FROM app WHERE name = ?1";

} // namespace

void AppAddresses::load()
{
    store_.at_start([this](Db& db) {
        apps_.clear();
        auto rows = db.run(select_all);
        while (rows.next()) {
            auto const app = std::string(rows.text(0));
            auto const port = static_cast<std::uint16_t>(rows.number(2));
            if (port == rows.number(2) && port != 0) {
                apps_.emplace(app, AppAddress{std::string(rows.text(1)), port});
            } else {
                ELVES_LOG(error, "app " << app << " has no address: " << rows.number(2) << " is no port");
            }
        }
    });
}

AppAddress const* AppAddresses::find(std::string_view app) const
{
    auto const found = apps_.find(app);
    return found == apps_.end() ? nullptr : &found->second;
}

asio::awaitable<void> AppAddresses::put(std::string app, AppAddress address, Store::Work also)
{
    if (apps_.size() >= most_ && !find(app)) {
        throw Error(codes::too_much, "there are " + std::to_string(most_) + " apps; delete some first");
    }
    Store::Work work = [app, address](Db& db) {
        db.run(upsert).bind(1, app).bind(2, address.host).bind(3, std::int64_t{address.port}).execute();
    };
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    apps_.insert_or_assign(std::move(app), std::move(address));
}

asio::awaitable<void> AppAddresses::erase(std::string app, Store::Work also)
{
    Store::Work work = [app](Db& db) {
        db.run(delete_one).bind(1, app).execute();
        if (db.changes() == 0) throw Error(codes::no_app, "no such app: " + app);
    };
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    apps_.erase(app);
}

} // namespace elves
