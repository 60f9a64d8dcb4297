// The glue: what a CmdbProxy is made of in the house.
#include "cmdbproxy.hpp"
#include "cmdbproxy_schema.hpp"

namespace elves {

namespace {

struct OwnRecords {
    explicit OwnRecords(Store& store) : records(store) {}
    CmdbRecords records;
};

/// The records are made before the module that uses them, and go after it.
class CmdbProxyModule final : private OwnRecords, public CmdbProxy {
public:
    explicit CmdbProxyModule(Host& host) : OwnRecords(host.store), CmdbProxy(records)
    {
        if (auto* const presence = host.find<Presence>())
            presence->on_forget([this](Ip const& machine) { return belongings_of(machine); });
    }
};

} // namespace

std::unique_ptr<Module> make_cmdbproxy(Host& host)
{
    host.store.migrate("cmdbproxy", cmdbproxy_schema);
    auto made = std::make_unique<CmdbProxyModule>(host);
    host.offer<Inventory>(*made);
    return made;
}

} // namespace elves
