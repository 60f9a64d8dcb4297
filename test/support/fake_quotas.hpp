#pragma once

#include <limits>
#include <map>
#include <string>

#include "elves/services/quotas.hpp"

namespace elves {

/// Quotas as the test sets them. A key that was not set is unknown, and not limited.
class FakeQuotas final : public Quotas {
public:
    static constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

    [[nodiscard]] static Limits unlimited() { return {false, true, no_limit, no_limit, no_limit, no_limit}; }

    [[nodiscard]] Limits limits_of(std::string_view key) const override
    {
        auto limits = unlimited();
        auto const found = keys.find(key);
        if (found != keys.end()) return found->second;
        limits.is_known = limits.is_admin = key.empty();
        return limits;
    }
    [[nodiscard]] std::string name_of(std::string_view key) const override
    {
        return "name of " + std::string(key);
    }
    [[nodiscard]] Largest largest() const override { return {}; }
    void add(KeyResources&) override {}

    std::map<std::string, Limits, std::less<>> keys;
};

} // namespace elves
