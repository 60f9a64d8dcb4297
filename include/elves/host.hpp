#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>

#include "elves/clock.hpp"
#include "elves/settings.hpp"
#include "elves/store.hpp"
#include "elves/zone.hpp"

namespace elves {

/// What the house gives a module: clock, store, settings, the loop, and the services of modules made before
/// it. Outlives every module. On the loop's thread.
class Host {
public:
    Host(LoopExecutor loop_, Clock& clock_, Store& store_, Zone zone_)
        : loop(std::move(loop_)), clock(clock_), store(store_), zone(zone_)
    {
    }

    LoopExecutor loop;
    Clock& clock;
    Store& store;
    Zone zone; ///< `server.timezone`.

    /// Offers a service to the modules that come later. `T` is an interface of elves/services/ or of one's
    /// own, with a `static constexpr std::string_view service_name`.
    template <class T>
    void offer(T& service)
    {
        services_[typeid(T)] = &service;
    }
    /// The service, or null where no module offers it.
    template <class T>
    [[nodiscard]] T* find() const
    {
        auto const found = services_.find(typeid(T));
        return found == services_.end() ? nullptr : static_cast<T*>(found->second);
    }
    /// The service. Throws std::runtime_error that names `who` needs it, where no module offers it.
    template <class T>
    [[nodiscard]] T& need(std::string_view who) const
    {
        if (T* const service = find<T>()) return *service;
        throw std::runtime_error("module " + std::string(who) + " needs the service " +
                                 std::string(T::service_name) + "; enable the module that offers it");
    }

private:
    std::unordered_map<std::type_index, void*> services_;
};

} // namespace elves
