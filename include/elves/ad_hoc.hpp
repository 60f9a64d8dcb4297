#pragma once

#include <string_view>

#include "elves/deployment.hpp"

namespace elves {

/// The app that runs whatever text it is given. What somebody ran with it is in the audit trail as text, also
/// where `[audit] param` is `digest`: the name of the app alone says nothing.
inline constexpr std::string_view ad_hoc_app = "shell";

/// The audit trail has what was asked of that app as text: of the reserved one, too, the name says nothing of
/// what was deployed.
[[nodiscard]] inline bool is_audited_as_text(std::string_view app) noexcept
{
    return app == ad_hoc_app || app == own_app;
}

} // namespace elves
