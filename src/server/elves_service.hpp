#pragma once

#include "elves/module.hpp"
#include "elves/store.hpp"
#include "rpc/router.hpp"
#include "server/server.hpp"

namespace elves {

/// The service `elves`: the server itself. What it tells of outlives it.
class ElvesService final : public Module {
public:
    ElvesService(
        Clock& clock, Router const& router, LinkShared const& shared, Server const& server, AuthMode auth);
    [[nodiscard]] std::string_view name() const override { return "elves"; }
    void declare(MethodTable& table) override;

private:
    [[nodiscard]] Reply methods() const;
    [[nodiscard]] Reply stats() const;

    Clock& clock_;
    Router const& router_;
    LinkShared const& shared_;
    Server const& server_;
    AuthMode auth_;
    Clock::Steady started_;
};

} // namespace elves
