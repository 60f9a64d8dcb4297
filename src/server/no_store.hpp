#pragma once

#include "elves/store.hpp"

namespace elves {

/// Takes everything and keeps nothing: for --check, which must not touch the data file.
class NoStore final : public Store {
public:
    void post(Work, Done) override {}
    void post_read(Work, Done) override {}
    void post_scan(Work, Done) override {}
    void migrate(std::string_view, std::string_view) override {}
    void at_start(Work const&) override {}
};

} // namespace elves
