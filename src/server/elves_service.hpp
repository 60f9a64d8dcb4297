#pragma once

#include <optional>
#include <string>

#include "doctor/doctor.hpp"
#include "elves/host.hpp"
#include "elves/module.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/metrics.hpp"
#include "elves/services/quotas.hpp"
#include "rpc/router.hpp"
#include "server/module_set.hpp"
#include "server/server.hpp"
#include "server/server_settings.hpp"
#include "store/sqlite_store.hpp"

namespace elves {

/// The service `elves`: the server itself. What it tells of outlives it.
class ElvesService final : public Module {
public:
    ElvesService(Host& host, Router const& router, LinkShared const& shared, Server const& server,
        ModuleSet const& modules, ServerSettings const& in_force, Authority const* authority,
        SqliteStore const& data_file);
    [[nodiscard]] std::string_view name() const override { return "elves"; }
    void declare(MethodTable& table) override;

private:
    [[nodiscard]] Reply methods() const;
    [[nodiscard]] Reply stats(Caller const& caller) const;
    [[nodiscard]] asio::awaitable<Reply> doctor();
    void write_metrics(MetricWriter& to) const;
    void add_live_findings(doctor::Diagnosis& diagnosis) const;

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
    SqliteStore const& data_file_;
    std::string store_path_; ///< Absolute.
    Clock::Steady started_;
    /// Of the last `doctor` that was asked for.
    struct LastDoctor {
        std::size_t findings = 0;
        Instant at{};
    };
    std::optional<LastDoctor> last_doctor_;
};

} // namespace elves
