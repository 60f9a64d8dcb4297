#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/store.hpp"

namespace elves::http {

/// Whether the server can do its work: for load balancers and monitoring. On the loop's thread; `clock`
/// outlives it.
class Readiness {
public:
    /// One probe write in this time at most, however many ask.
    static constexpr std::chrono::seconds probe_interval{10};
    /// A store that needs longer for one write is not ready.
    static constexpr std::chrono::seconds probe_limit{5};
    /// With less room the probe's own page may still be taken, and the next task not.
    static constexpr std::int64_t least_free = 256 * 1024;

    struct Store {
        std::function<void(elves::Store::Done)> probe; ///< Begins a write that changes nothing.
        std::function<std::string()> file_fault;       ///< What is wrong with the data file; "" for nothing.
        std::function<std::int64_t()> free; ///< Bytes on its file system; negative where that is not known.
    };
    Readiness(Store store, Clock& clock) : store_(std::move(store)), clock_(clock) {}

    /// A word for each check.
    struct State {
        std::string_view server; ///< `ok`, `stopping`.
        std::string_view store;  ///< `ok`, `failing`, `full`, `slow`.
        [[nodiscard]] bool is_ready() const noexcept { return server == "ok" && store == "ok"; }
    };
    [[nodiscard]] asio::awaitable<State> look();
    void set_stopping() noexcept { is_stopping_ = true; }

private:
    void probe();

    Store store_;
    Clock& clock_;
    bool is_stopping_ = false;
    std::optional<Clock::Steady> begun_; ///< The last probe.
    bool is_probing_ = false;
    std::vector<OneShot<bool>> waiting_; ///< For the probe that is under way.
    bool is_well_ = true;                ///< As the last probe said.
};

} // namespace elves::http
