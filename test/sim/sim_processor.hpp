#pragma once

#include "sim/invariants.hpp"
#include "sim/sim_network.hpp"

namespace elves::sim {

/// 1, 0 or -1.
struct WorkerFlag {
    std::int64_t value = 0;
};

/// Every app's processor: takes results, or refuses them, or is silent; sometimes it says afterwards what it
/// made of one.
class SimProcessor final : public Process {
public:
    SimProcessor(
        Nature& nature, Machine& machine, SimNetwork& network, Machine& server, Invariants& invariants);
    ~SimProcessor() override;

    int moods = 0; ///< So many of a thousand calls are not taken.

private:
    struct Result {
        TaskId id;
        WorkerFlag flag;
        std::string result;
    };
    [[nodiscard]] asio::awaitable<Reply> take(Result in);
    [[nodiscard]] asio::awaitable<void> tell(TaskId id);

    SimNetwork& network_;
    Machine& server_;
    Invariants& invariants_;
    MethodTable methods_;
    Gate gate_;
    Router router_;
};

} // namespace elves::sim

namespace elves {

template <>
struct FieldType<sim::WorkerFlag> {
    static constexpr std::string_view name = "1, 0 or -1";
    static constexpr Code missing = codes::bad_field;
    static sim::WorkerFlag read(std::string_view, JsonValue const& value) { return {value.int64()}; }
    static void judge(Caller const&, sim::WorkerFlag) {}
};

} // namespace elves
