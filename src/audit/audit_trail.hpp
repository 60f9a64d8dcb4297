#pragma once

#include <cstdint>
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

    /// Rows that were written since the start, by whether the call was allowed.
    struct Rows {
        std::uint64_t allowed = 0;
        std::uint64_t denied = 0;
    };
    [[nodiscard]] Rows rows() const noexcept { return rows_; }

private:
    class Row;
    /// `rows`: what it writes.
    void write(std::function<void(Db&)> work, Rows rows);
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
    Rows rows_;
    bool cannot_write_ = false;
};

} // namespace elves
