#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "elves/app_globs.hpp"
#include "elves/task_id.hpp"
#include "elves/zone.hpp"

namespace elves {

/// At most so many tasks of some apps at once on some hosts. A plain value.
struct StartCap {
    std::string name;
    std::string target;
    AppGlobs apps; ///< Of no entry: every app.
    std::size_t most = 1;
    std::string per = "all"; ///< `all` of them together, each `host`, or all hosts with one value of a field.
    std::string by;          ///< The key that set it, or "".
    Instant set_at{};
};

/// Which open tasks take a place under a cap, by the value of its `per`.
class CapCount {
public:
    /// A task that is counted already stays where it is.
    void add(TaskId task, std::string value)
    {
        auto const [at, is_new] = values_.try_emplace(task, std::move(value));
        if (is_new) ++counts_[at->second];
    }
    /// The value that has a place more now; nothing where the task was not counted.
    [[nodiscard]] std::optional<std::string> remove(TaskId task)
    {
        auto const found = values_.find(task);
        if (found == values_.end()) return std::nullopt;
        auto value = std::move(found->second);
        values_.erase(found);
        auto const count = counts_.find(value);
        if (--count->second == 0) counts_.erase(count);
        return value;
    }
    [[nodiscard]] std::size_t of(std::string const& value) const
    {
        auto const found = counts_.find(value);
        return found == counts_.end() ? 0 : found->second;
    }
    [[nodiscard]] std::size_t all() const noexcept { return values_.size(); }

private:
    std::unordered_map<TaskId, std::string> values_;
    std::unordered_map<std::string, std::size_t> counts_;
};

} // namespace elves
