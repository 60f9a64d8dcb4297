#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"

namespace elves {

/// One machine's record. Its texts are cmdbproxy's: valid until the next co_await.
struct InventoryView {
    Ip ip;
    std::string_view sn, idc, main_cat, sub_cat, app_info, manager;
};

/// The inventory. Offered by cmdbproxy. From memory; on the loop's thread.
class Inventory {
public:
    static constexpr std::string_view service_name = "Inventory (cmdbproxy)";
    virtual ~Inventory() = default;

    [[nodiscard]] virtual std::optional<InventoryView> machine(Ip const& ip) const = 0;
    /// The next ones behind that address, in their order: `most`, or all that are left.
    [[nodiscard]] virtual std::vector<InventoryView> machines_behind(
        std::optional<Ip> const& place, std::size_t most) const = 0;
};

} // namespace elves
