#pragma once

#include <functional>
#include <string>

#include "elves/host.hpp"
#include "elves/module.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/quotas.hpp"
#include "rpc/router.hpp"
#include "server/module_set.hpp"
#include "server/server.hpp"
#include "server/server_settings.hpp"

namespace elves {

/// The service `elves`: the server itself. What it tells of outlives it.
class ElvesService final : public Module {
public:
    /// What is wrong with the data file under its name; "" for nothing (SqliteStore::file_fault).
    using StoreFault = std::function<std::string()>;

    ElvesService(Host& host, Router const& router, LinkShared const& shared, Server const& server,
        ModuleSet const& modules, ServerSettings const& in_force, Authority const* authority,
        StoreFault store_fault);
    [[nodiscard]] std::string_view name() const override { return "elves"; }
    void declare(MethodTable& table) override;

private:
    [[nodiscard]] Reply methods() const;
    [[nodiscard]] Reply stats(Caller const& caller) const;
    [[nodiscard]] asio::awaitable<Reply> doctor();

    Clock& clock_;
    Store& store_;
    Zone zone_;
    Router const& router_;
    LinkShared const& shared_;
    Server const& server_;
    ModuleSet const& modules_;
    Quotas const* quotas_; ///< Null without the module supervisor.
    ServerSettings const& in_force_;
    Authority const* authority_; ///< Null: there are no keys.
    StoreFault store_fault_;
    std::string store_path_; ///< Absolute.
    Clock::Steady started_;
};

} // namespace elves
