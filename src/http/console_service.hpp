#pragma once

#include <functional>
#include <string>

#include "elves/module.hpp"
#include "http/sessions.hpp"

namespace elves {
class Gate;
}

namespace elves::http {

/// The `console` service: lets who may ask over RPC into the console without typing a token. On the loop's
/// thread; `sessions` and `gate` outlive it.
class ConsoleService final : public Module {
public:
    /// `address`: of the console as a browser reaches it, `http://127.0.0.1:7789`; "" while there is none.
    ConsoleService(Sessions& sessions, Gate const& gate, std::function<std::string()> address)
        : sessions_(sessions), gate_(gate), address_(std::move(address))
    {
    }

    [[nodiscard]] std::string_view name() const override { return "console"; }
    void declare(MethodTable& table) override;

private:
    [[nodiscard]] elves::Reply new_link(Caller const& caller);
    [[nodiscard]] Grant grant_of(Caller const& caller) const;

    Sessions& sessions_;
    Gate const& gate_;
    std::function<std::string()> address_;
};

} // namespace elves::http
