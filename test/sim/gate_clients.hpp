#pragma once

#include <functional>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "elves/zone.hpp"
#include "sim/gate_watch.hpp"
#include "sim/heard.hpp"
#include "sim/process.hpp"

namespace elves::sim {

/// What clients ask of the start gate: they set, change and delete windows and caps.
class GateClients {
public:
    /// On a link to the server.
    using Call = std::function<asio::awaitable<Answer>(
        std::string service, std::string method, json::object fields, std::chrono::milliseconds limit)>;
    struct Place {
        Process& home;
        Machine const& server;
        std::vector<Machine*> agents;
        Invariants& invariants;
        GateWatch& watch;
        Zone zone; ///< The server's.
    };
    GateClients(Place place, Call call) : place_(std::move(place)), call_(std::move(call)) {}

    [[nodiscard]] asio::awaitable<void> ask_something();
    /// Deletes what could keep something from starting for long; returns when that is done. Caps, and windows
    /// that open again and again, stay: work has to end under them.
    [[nodiscard]] asio::awaitable<void> open_all();

private:
    struct Named {
        std::string name;
        bool is_window = true;
        bool is_once = false; ///< A window without a rule.
    };
    [[nodiscard]] asio::awaitable<void> set(Named named);
    [[nodiscard]] asio::awaitable<void> erase(Named named);
    /// Takes it out: nobody else asks for a change of it meanwhile.
    [[nodiscard]] Named take_one();
    [[nodiscard]] json::object some_window(Named& named);
    [[nodiscard]] json::object some_cap(Named const& named);
    void add_time(SimWindow& window, json::object& fields);
    [[nodiscard]] GateScope some_scope(json::object& fields);
    void refused(Heard const& heard, std::vector<std::string> const& allowed);

    Place place_;
    Call call_;
    std::vector<Named> all_; ///< That no change is under way of, and whose state is known.
    int named_ = 0;
};

} // namespace elves::sim
