#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmdb_records.hpp"
#include "elves/module.hpp"
#include "elves/page.hpp"
#include "elves/services/inventory.hpp"
#include "elves/services/presence.hpp"

namespace elves {

/// A text of a record: at most 4 KiB.
struct CmdbText {
    std::string text;
};

struct CmdbEntries {
    std::vector<CmdbRecord> records;
};

/// The `cmdbproxy` service: inventory records, one for each agent IP. Lives on the loop's thread. `records`
/// outlives it.
class CmdbProxy : public Module, public Inventory {
public:
    explicit CmdbProxy(CmdbRecords& records) : records_(records) {}

    [[nodiscard]] std::string_view name() const override { return "cmdbproxy"; }
    void declare(MethodTable& table) override;
    void start() override { records_.load(); }
    [[nodiscard]] std::optional<InventoryView> machine(Ip const& ip) const override;
    [[nodiscard]] std::vector<InventoryView> machines_behind(
        std::optional<Ip> const& place, std::size_t most) const override;
    /// For `forgetagents`.
    [[nodiscard]] Belongings belongings_of(Ip const& machine);

private:
    struct ByIp {
        Ip agentip;
    };
    struct ByIpList {
        std::vector<Ip> agentiplist;
    };
    struct Set {
        Ip agentip;
        CmdbText sn, iplist, idc, main_cat, sub_cat, app_info, manager;
    };
    struct SetList {
        CmdbEntries records;
    };
    struct List {
        std::optional<IpPlace> after;
        std::int64_t limit = 100;
    };

    [[nodiscard]] Reply by_ip(ByIp const& in) const;
    [[nodiscard]] Reply by_ip_list(ByIpList const& in) const;
    [[nodiscard]] asio::awaitable<Reply> set(Set in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> set_list(SetList in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> erase(ByIp in, Caller caller);
    [[nodiscard]] Reply list(List const& in, Caller const& caller) const;

    CmdbRecords& records_;
};

} // namespace elves
