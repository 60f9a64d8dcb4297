#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "elves/error.hpp"
#include "elves/json_value.hpp"

namespace elves {

enum class Mqt { call, cast, back };

/// A frame's envelope, as views into its JSON.
struct Envelope {
    Mqt mqt = Mqt::call;
    std::string_view mqs; ///< As it was sent; "" where missing or no string.
    std::string_view mqf;
    JsonValue const* mqid = nullptr; ///< Null without.
    /// What is wrong with it, if anything; a reply is still possible.
    std::optional<Error> fault;

    [[nodiscard]] static Envelope of(JsonValue const& frame);
};

} // namespace elves
