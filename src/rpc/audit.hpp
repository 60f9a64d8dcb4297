#pragma once

#include <memory>
#include <string_view>

#include "elves/caller.hpp"
#include "elves/method_table.hpp"

namespace elves {

/// Makes the rows of the audit trail, for the router. On the loop's thread.
class Audit {
public:
    struct Call {
        std::string_view service;
        Method const& method;
        JsonValue const& fields;
        Caller const& caller; ///< Its key is the one that was proven.
        bool is_authorized;   ///< It may call this method.
    };
    virtual ~Audit() = default;
    /// The row that this call leaves when it is over; null where none is kept. Keeps nothing of `call`.
    [[nodiscard]] virtual std::shared_ptr<AuditRow> row(Call const& call) = 0;
};

} // namespace elves
