#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "elves/clock.hpp"
#include "elves/store.hpp"

namespace elves {

/// How many bytes the tasks of each key have written to disk since midnight, UTC. In memory, and written
/// behind every ten seconds: a crash loses at most that. Nothing is counted for the caller without a key. On
/// the loop's thread.
class DailyBytes {
public:
    DailyBytes(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    /// Before the loop runs only.
    void load();
    void add(std::string_view key, std::size_t bytes);
    /// Takes back what was added for something that was not written after all.
    void take_back(std::string_view key, std::size_t bytes);
    [[nodiscard]] std::int64_t today(std::string_view key) const;
    void add_holders(std::set<std::string>& keys) const;
    void flush();

private:
    struct Written {
        std::int64_t bytes = 0;
        bool is_on_disk = true;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const noexcept
        {
            return std::hash<std::string_view>()(key);
        }
    };

    [[nodiscard]] std::int64_t day_now() const;
    void begin_day();

    Store& store_;
    Clock& clock_;
    std::int64_t day_ = 0;
    std::unordered_map<std::string, Written, Hash, std::equal_to<>> keys_; ///< Of `day_`.
    Timer flushing_;
};

} // namespace elves
