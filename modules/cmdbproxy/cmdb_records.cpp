#include "cmdb_records.hpp"

#include "elves/error.hpp"

namespace elves {

namespace {

constexpr std::string_view select_all =
    "SELECT agent, sn, iplist, idc, main_cat, sub_cat, app_info, manager FROM cmdb_record";

constexpr std::string_view upsert =
    "INSERT INTO cmdb_record (agent, sn, iplist, idc, main_cat, sub_cat, app_info, manager)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    " ON CONFLICT (agent) DO UPDATE SET sn = ?2, iplist = ?3, idc = ?4, main_cat = ?5, sub_cat = ?6,"
    " app_info = ?7, manager = ?8";

constexpr std::string_view delete_one = "DELETE FROM cmdb_record WHERE agent = ?1";

CmdbRecord read_row(Run const& row, Ip const& agent)
{
    return {agent, std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3)),
        std::string(row.text(4)), std::string(row.text(5)), std::string(row.text(6)),
        std::string(row.text(7))};
}

} // namespace

void CmdbRecords::load()
{
    by_ip_.clear();
    store_.at_start([this](Db& db) {
        auto rows = db.run(select_all);
        while (rows.next()) {
            if (auto const agent = Ip::parse(rows.text(0))) by_ip_.emplace(*agent, read_row(rows, *agent));
        }
    });
}

CmdbRecord const* CmdbRecords::find(Ip const& agent) const
{
    auto const found = by_ip_.find(agent);
    return found == by_ip_.end() ? nullptr : &found->second;
}

asio::awaitable<void> CmdbRecords::put(CmdbRecord record, Store::Work also)
{
    if (by_ip_.size() >= most_ && !find(record.agent)) {
        throw Error(
            codes::too_much, "there are " + std::to_string(most_) + " inventory records; delete some first");
    }
    Store::Work write = [record](Db& db) {
        auto const agent = record.agent.text();
        db.run(upsert)
            .bind(1, agent)
            .bind(2, record.sn)
            .bind(3, record.iplist)
            .bind(4, record.idc)
            .bind(5, record.main_cat)
            .bind(6, record.sub_cat)
            .bind(7, record.app_info)
            .bind(8, record.manager)
            .execute();
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    auto const agent = record.agent;
    by_ip_.insert_or_assign(agent, std::move(record));
}

asio::awaitable<void> CmdbRecords::erase(Ip agent, Store::Work also)
{
    // Asked of the disk, for of two that delete the same record only one may hear that it did.
    Store::Work write = [text = agent.text()](Db& db) {
        db.run(delete_one).bind(1, text).execute();
        if (db.changes() == 0) throw Error(codes::no_cmdb_record, "no inventory record for " + text);
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    by_ip_.erase(agent);
}

} // namespace elves
