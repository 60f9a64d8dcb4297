#pragma once

#include <string_view>

namespace elves {

/// The app that runs whatever text it is given. What somebody ran with it is in the audit trail as text, also
/// where `[audit] param` is `digest`: the name of the app alone says nothing.
inline constexpr std::string_view ad_hoc_app = "shell";

} // namespace elves
