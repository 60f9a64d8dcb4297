#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "elves/method_table.hpp"
#include "elves/note.hpp"
#include "elves/short_name.hpp"
#include "run_gate.hpp"
#include "run_spec.hpp"

namespace elves {

/// The methods of the `run` service that set and list windows and caps. On the loop's thread. All that it is
/// made of outlives it.
class GateService {
public:
    GateService(RunGate& gate, Targets& targets, Clock& clock, Zone zone)
        : gate_(gate), targets_(targets), clock_(clock), zone_(zone)
    {
    }
    void declare(MethodTable& table);

private:
    struct SetWindow {
        ShortName name;
        RunTarget target;
        AppGlobs apps;
        std::optional<QuartzRule> rule;
        std::chrono::seconds lasts{0};
        std::string from, to;
        std::optional<Zone> timezone;
        Note note;
    };
    struct SetCap {
        ShortName name;
        RunTarget target;
        AppGlobs apps;
        std::int64_t most = 0;
        std::string per = "all";
    };
    struct ByName {
        ShortName name;
    };

    [[nodiscard]] asio::awaitable<Reply> set_window(SetWindow in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> set_cap(SetCap in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> delete_window(ByName in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> delete_cap(ByName in, Caller caller);
    [[nodiscard]] Reply list_windows() const;
    [[nodiscard]] Reply list_caps() const;

    RunGate& gate_;
    Targets& targets_;
    Clock& clock_;
    Zone zone_;
};

} // namespace elves
