#pragma once

#include <functional>
#include <memory>

#include "audit/audit_record.hpp"
#include "audit/audit_settings.hpp"
#include "audit/denied_limit.hpp"
#include "elves/clock.hpp"
#include "elves/pruner.hpp"
#include "elves/store.hpp"
#include "rpc/audit.hpp"

namespace elves {

/// The audit trail: who asked for what, from where, and what came of it. Makes the rows that the router asks
/// for, and prunes old ones. On the loop's thread; `store` and `clock` outlive it, and it
/// outlives its rows.
class AuditTrail final : public Audit {
public:
    AuditTrail(Store& store, Clock& clock);

    void configure(AuditSettings const& settings);
    void start();
    void stop();
    /// Says in the log where the chain ends. While the loop does not run only.
    void log_head();

    /// Adds a row for what the server's own machine did, such as a signal; also where the trail is switched
    /// off. `result`: `ok`, or a word for why it failed.
    void add(std::string_view method, std::string what, std::string_view result);

    [[nodiscard]] std::shared_ptr<AuditRow> row(Call const& call) override;

private:
    class Row;
    void write(std::function<void(Db&)> work);
    void write_counts();
    void count_later();
    void log_head_later();

    Store& store_;
    Clock& clock_;
    AuditSettings settings_;
    DeniedLimit denied_;
    DeniedLimit authenticated_; ///< Calls that were allowed of methods that anybody may try.
    Pruner pruner_{store_, clock_, "rows of the audit trail"};
    Timer counting_;
    Timer heading_;
    bool cannot_write_ = false;
};

} // namespace elves
