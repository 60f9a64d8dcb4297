#pragma once

#include <string>
#include <vector>

#include "elves/store.hpp"
#include "store/migrations.hpp"

namespace elves {

/// Takes everything and keeps nothing but the schemas: for --check, which must not touch the data file.
class NoStore final : public Store {
public:
    void post(Work, Done) override {}
    void post_read(Work, Done) override {}
    void post_scan(Work, Done) override {}
    void migrate(std::string_view module, std::string_view schema) override
    {
        schemas_.push_back({std::string(module), std::string(schema)});
    }
    void at_start(Work const&) override {}

    /// What the modules' tables should be like.
    [[nodiscard]] std::vector<Schema> const& schemas() const noexcept { return schemas_; }

private:
    std::vector<Schema> schemas_;
};

} // namespace elves
