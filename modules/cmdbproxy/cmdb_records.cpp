#include "cmdb_records.hpp"

#include <algorithm>
#include <memory>
#include <utility>

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

void upsert_row(Db& db, CmdbRecord const& record)
{
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

/// While it lives, the records of these agents are on their way to disk.
class CmdbRecords::Writing {
public:
    Writing(CmdbRecords& all, std::vector<Ip> agents) : all_(all), agents_(std::move(agents))
    {
        for (auto const& agent : agents_) ++all_.writing_[agent];
    }
    ~Writing()
    {
        for (auto const& agent : agents_) {
            auto const found = all_.writing_.find(agent);
            if (--found->second == 0) all_.writing_.erase(found);
        }
    }
    Writing(Writing const&) = delete;
    Writing& operator=(Writing const&) = delete;

private:
    CmdbRecords& all_;
    std::vector<Ip> agents_;
};

/// Those that have to be written.
std::vector<CmdbRecord> CmdbRecords::changed(std::vector<CmdbRecord> records) const
{
    std::erase_if(records, [this](CmdbRecord const& record) {
        auto const* const known = find(record.agent);
        return known && *known == record && !writing_.contains(record.agent);
    });
    return records;
}

void CmdbRecords::require_room(std::vector<CmdbRecord> const& records) const
{
    auto const fresh = std::count_if(
        records.begin(), records.end(), [this](CmdbRecord const& record) { return !find(record.agent); });
    if (by_ip_.size() + static_cast<std::size_t>(fresh) <= most_ || fresh == 0) return;
    throw Error(
        codes::too_much, "there are " + std::to_string(most_) + " inventory records; delete some first");
}

asio::awaitable<std::size_t> CmdbRecords::put(std::vector<CmdbRecord> records, Store::Work also)
{
    auto const written = std::make_shared<std::vector<CmdbRecord> const>(changed(std::move(records)));
    require_room(*written);
    Store::Work write;
    if (!written->empty()) {
        write = [written](Db& db) {
            for (auto const& record : *written) upsert_row(db, record);
        };
    }
    write = together(std::move(write), std::move(also));
    if (!write) co_return 0;
    std::vector<Ip> agents;
    for (auto const& record : *written) agents.push_back(record.agent);
    Writing const on_its_way(*this, std::move(agents));
    co_await store_.write(std::move(write));
    for (auto const& record : *written) by_ip_.insert_or_assign(record.agent, record);
    co_return written->size();
}

void CmdbRecords::erase_in(Db& db, Ip const& agent)
{
    auto const ip = agent.text();
    db.run(delete_one).bind(1, ip).execute();
}

asio::awaitable<void> CmdbRecords::erase(Ip agent, Store::Work also)
{
    // Asked of the disk, for of two that delete the same record only one may hear that it did.
    Store::Work write = [text = agent.text()](Db& db) {
        db.run(delete_one).bind(1, text).execute();
        if (db.changes() == 0) throw Error(codes::no_cmdb_record, "no inventory record for " + text);
    };
    write = together(std::move(write), std::move(also));
    std::vector<Ip> agents{agent};
    Writing const on_its_way(*this, std::move(agents));
    co_await store_.write(std::move(write));
    by_ip_.erase(agent);
}

} // namespace elves
