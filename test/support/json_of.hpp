#pragma once

#include "elves/json_document.hpp"

namespace elves {

/// What a peer would have received of this value.
[[nodiscard]] inline JsonDocument json_of(json::value const& value)
{
    return JsonDocument::parse(json::serialize(value));
}

} // namespace elves
