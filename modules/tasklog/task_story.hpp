#pragma once

#include <string>
#include <vector>

#include "elves/zone.hpp"
#include "task_records.hpp"

namespace elves {

/// One thing that happened to a task.
struct StoryLine {
    Instant at;
    std::string what;
};

/// A task's whole story in order, as far as it has come: asked by whom, sent, taken, output, result, final
/// state, delivered to the processor. No I/O.
[[nodiscard]] std::vector<StoryLine> task_story(
    task_records::Row const& row, task_records::OutputTimes const& output, Zone const& zone);

} // namespace elves
