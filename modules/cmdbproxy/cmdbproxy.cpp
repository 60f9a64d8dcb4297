#include "cmdbproxy.hpp"

#include <set>

#include "elves/answer_budget.hpp"
#include "elves/page.hpp"

namespace elves {

template <>
struct FieldType<CmdbText> {
    static constexpr std::string_view name = "string";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 4096;
    static CmdbText read(std::string_view field, JsonValue const& value)
    {
        auto text = FieldType<std::string>::read(field, value);
        if (text.size() > most) {
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(text.size()) +
                                     " bytes; give at most " + std::to_string(most));
        }
        return {std::move(text)};
    }
    static void judge(Caller const&, CmdbText const&) {}
};

/// Up to 1,000 objects of `agentip` and the seven texts; what is not given is empty.
template <>
struct FieldType<CmdbEntries> {
    static constexpr std::string_view name = "list of inventory records";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 1'000;
    static CmdbEntries read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_list())
            throw Error(missing, field_is(field, value) + "; give a list of objects with agentip");
        if (value.size() > most)
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(value.size()) +
                                     " entries; give at most " + std::to_string(most));
        CmdbEntries all;
        std::set<Ip> seen;
        for (auto const& item : value) {
            auto const place = std::string(field) + "[" + std::to_string(all.records.size()) + "]";
            all.records.push_back(read_record(place, item));
            if (!seen.insert(all.records.back().agent).second)
                throw Error(codes::bad_ip, "`" + place + ".agentip` is " + all.records.back().agent.text() +
                                               " for the second time; give each once");
        }
        return all;
    }
    static void judge(Caller const& caller, CmdbEntries const& all)
    {
        for (auto const& record : all.records) caller.require(record.agent);
    }

private:
    static CmdbRecord read_record(std::string const& place, JsonValue const& item)
    {
        if (!item.is_object()) throw Error(missing, field_is(place, item) + "; give an object with agentip");
        auto const* const ip = item.find("agentip");
        if (!ip)
            throw Error(codes::bad_ip, "`" + place + ".agentip` is missing; give an IPv4 or IPv6 address");
        auto const text = [&](std::string_view field) {
            auto const* const value = item.find(field);
            return value ? FieldType<CmdbText>::read(place + "." + std::string(field), *value).text
                         : std::string();
        };
        return {FieldType<Ip>::read(place + ".agentip", *ip), text("sn"), text("iplist"), text("idc"),
            text("main_cat"), text("sub_cat"), text("app_info"), text("manager")};
    }
};

namespace {

Error no_record(Ip const& agent)
{
    return {codes::no_cmdb_record, "no inventory record for " + agent.text()};
}

json::object fields_of(CmdbRecord const& record)
{
    return {{"sn", record.sn}, {"iplist", record.iplist}, {"idc", record.idc}, {"main_cat", record.main_cat},
        {"sub_cat", record.sub_cat}, {"app_info", record.app_info}, {"manager", record.manager}};
}

json::object entry_of(CmdbRecord const& record)
{
    auto entry = fields_of(record);
    entry["agentip"] = record.agent.text();
    return entry;
}

std::size_t text_bytes(CmdbRecord const& record)
{
    return record.sn.size() + record.iplist.size() + record.idc.size() + record.main_cat.size() +
           record.sub_cat.size() + record.app_info.size() + record.manager.size();
}

json::object missing_entry(Ip const& agent)
{
    auto entry = refusal(no_record(agent));
    entry["agentip"] = agent.text();
    return entry;
}

InventoryView view_of(CmdbRecord const& record)
{
    return {record.agent, record.sn, record.idc, record.main_cat, record.sub_cat, record.app_info,
        record.manager};
}

} // namespace

std::optional<InventoryView> CmdbProxy::machine(Ip const& ip) const
{
    auto const* const found = records_.find(ip);
    return found ? std::optional(view_of(*found)) : std::nullopt;
}

std::vector<InventoryView> CmdbProxy::machines_behind(std::optional<Ip> const& place, std::size_t most) const
{
    std::vector<InventoryView> machines;
    auto const& all = records_.all();
    for (auto at = place ? all.upper_bound(*place) : all.begin(); at != all.end() && machines.size() < most;
         ++at)
        machines.push_back(view_of(at->second));
    return machines;
}

void CmdbProxy::declare(MethodTable& table)
{
    table.call<ByIp>("getcmdbinfobyip", Right::read, {required("agentip", &ByIp::agentip)},
        "One machine's inventory record.", [this](ByIp in, Caller const&) { return by_ip(in); });
    table.call<ByIpList>("getcmdbinfobyiplist", Right::read,
        {required("agentiplist", &ByIpList::agentiplist)},
        "The records of up to 10,000 machines, in the list's order.",
        [this](ByIpList in, Caller const&) { return by_ip_list(in); });
    table.call<Set>("setcmdbinfo", Right::manage,
        {required("agentip", &Set::agentip), optional("sn", &Set::sn), optional("iplist", &Set::iplist),
            optional("idc", &Set::idc), optional("main_cat", &Set::main_cat),
            optional("sub_cat", &Set::sub_cat), optional("app_info", &Set::app_info),
            optional("manager", &Set::manager)},
        "Adds or replaces one record; what is not given becomes empty.",
        [this](Set in, Caller const& caller) { return set(std::move(in), caller); });
    table.call<SetList>("setcmdbinfolist", Right::manage, {required("records", &SetList::records)},
        "Adds or replaces up to 1,000 records, all or none; those that are the same already are not written.",
        [this](SetList in, Caller const& caller) { return set_list(std::move(in), caller); });
    table.call<ByIp>("delcmdbinfo", Right::manage, {required("agentip", &ByIp::agentip)},
        "Deletes one record.", [this](ByIp in, Caller const& caller) { return erase(in, caller); });
    table
        .call<List>("listcmdbinfo", Right::read,
            {optional("after", &List::after), optional("limit", &List::limit)},
            "All records by IP, in pages.",
            [this](List in, Caller const& caller) { return list(in, caller); })
        .cut_by_ip();
}

Reply CmdbProxy::by_ip(ByIp const& in) const
{
    auto const* const found = records_.find(in.agentip);
    if (!found) throw no_record(in.agentip);
    return Reply(fields_of(*found));
}

Reply CmdbProxy::by_ip_list(ByIpList const& in) const
{
    json::array info;
    info.reserve(in.agentiplist.size());
    AnswerBudget budget;
    for (auto const& agent : in.agentiplist) {
        auto const* const found = records_.find(agent);
        if (found) budget.take(text_bytes(*found));
        info.push_back(found ? entry_of(*found) : missing_entry(agent));
    }
    return Reply(json::object{{"info", std::move(info)}});
}

asio::awaitable<Reply> CmdbProxy::set(Set in, Caller caller)
{
    CmdbRecord record{in.agentip, std::move(in.sn.text), std::move(in.iplist.text), std::move(in.idc.text),
        std::move(in.main_cat.text), std::move(in.sub_cat.text), std::move(in.app_info.text),
        std::move(in.manager.text)};
    auto also = caller.also();
    std::vector<CmdbRecord> one{std::move(record)};
    co_await records_.put(std::move(one), std::move(also));
    co_return Reply();
}

asio::awaitable<Reply> CmdbProxy::set_list(SetList in, Caller caller)
{
    auto const given = in.records.records.size();
    auto also = caller.also();
    auto const written = co_await records_.put(std::move(in.records.records), std::move(also));
    co_return Reply(
        json::object{{"written", std::to_string(written)}, {"unchanged", std::to_string(given - written)}});
}

asio::awaitable<Reply> CmdbProxy::erase(ByIp in, Caller caller)
{
    auto also = caller.also();
    co_await records_.erase(in.agentip, std::move(also));
    co_return Reply();
}

Belongings CmdbProxy::belongings_of(Ip const& machine)
{
    Belongings all;
    all.is_any = records_.find(machine) != nullptr;
    all.shown["inventory"] = all.is_any ? "true" : "false";
    all.erase = [machine](Db& db) { CmdbRecords::erase_in(db, machine); };
    all.on_erased = [this, machine] { records_.drop(machine); };
    return all;
}

Reply CmdbProxy::list(List const& in, Caller const& caller) const
{
    auto const most = page_limit(in.limit);
    auto const& all = records_.all();
    json::array info;
    std::string last;
    std::size_t bytes = 0;
    for (auto at = in.after ? all.upper_bound(in.after->ip) : all.begin(); at != all.end(); ++at) {
        if (!caller.may_touch(at->first)) continue;
        if (info.size() == most || bytes >= page_bytes) return {{"info", std::move(info)}, {"next", last}};
        auto entry = entry_of(at->second);
        bytes += json::serialize(entry).size();
        info.push_back(std::move(entry));
        last = at->first.text();
    }
    return Reply(json::object{{"info", std::move(info)}});
}

} // namespace elves
