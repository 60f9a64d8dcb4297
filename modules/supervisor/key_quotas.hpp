#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "elves/services/quotas.hpp"
#include "elves/settings.hpp"
#include "key_ring.hpp"

namespace elves {

/// Answers for the quotas of keys and what they hold. On the loop's thread; `keys` outlives it.
class KeyQuotas final : public Quotas {
public:
    explicit KeyQuotas(KeyRing const& keys) : keys_(keys) {}

    /// Reads the defaults from `[supervisor]`. Throws SettingsError and then has changed nothing.
    void configure(Section const& section);

    [[nodiscard]] Limits limits_of(std::string_view key) const override;
    [[nodiscard]] std::string name_of(std::string_view key) const override;
    [[nodiscard]] Largest largest() const override;
    void add(KeyResources& resources) override { resources_.push_back(&resources); }

    [[nodiscard]] KeyUsage usage_of(std::string_view key) const;
    /// Deleted keys for which something is held still, by id.
    [[nodiscard]] std::vector<std::string> deleted_holders() const;
    void on_key_deleted(std::string_view key);
    void on_key_changed(std::string_view key);
    /// Ends all that is held for `key`: cron jobs first, so that none of them fires once more.
    [[nodiscard]] asio::awaitable<void> end_all(std::string key);

private:
    KeyRing const& keys_;
    Quota defaults_;
    std::vector<KeyResources*> resources_; ///< In the order in which the modules were made.
};

} // namespace elves
