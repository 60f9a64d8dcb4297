#include "rpc/call_counts.hpp"

#include "elves/method_table.hpp"

namespace elves {

void CallCounts::add(std::string_view service, Method const* method, std::string_view code)
{
    auto& counts = counts_[method];
    if (counts.service.empty() && method) counts.service = service;
    if (code.empty()) {
        ++counts.well;
        if (method->audited != Audited::nothing) ++changes_;
    } else {
        ++counts.refused[code];
    }
}

void CallCounts::add(
    std::string_view service, Method const* method, std::string_view code, Clock::Steady begun)
{
    add(service, method, code);
    auto found = durations_.find(service);
    if (found == durations_.end()) found = durations_.emplace(std::string(service), Histogram()).first;
    found->second.observe(std::chrono::duration<double>(clock_.steady() - begun).count());
}

void CallCounts::each(std::function<void(std::string_view service, std::string_view method,
        std::string_view code, std::uint64_t count)> const& tell) const
{
    for (auto const& [method, counts] : counts_) {
        auto const name = method ? std::string_view(method->name) : std::string_view();
        if (counts.well > 0) tell(counts.service, name, "", counts.well);
        for (auto const& [code, count] : counts.refused) tell(counts.service, name, code, count);
    }
}

} // namespace elves
