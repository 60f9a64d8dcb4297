#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "elves/caller.hpp"

namespace elves {

/// Who a key is. Offered by supervisor, asked by the router. From memory; on the loop's thread.
class Authority {
public:
    static constexpr std::string_view service_name = "Authority (supervisor)";
    virtual ~Authority() = default;

    /// The enabled key that `token` proves; throws Error 401.5 otherwise, in the same time whatever is wrong.
    [[nodiscard]] virtual std::shared_ptr<Key const> prove(
        std::string_view key, std::string_view token) const = 0;
    /// The key that a connection was bound to, as it is now; throws Error 401.5 where it is gone or disabled.
    [[nodiscard]] virtual std::shared_ptr<Key const> still(std::string_view key) const = 0;
};

} // namespace elves
