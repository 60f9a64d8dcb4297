#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace elves {

/// A row of the protocol's table of codes (docs/protocol.md, Codes), such as `403.1`.
struct Code {
    std::string_view text;
    friend bool operator==(Code const&, Code const&) = default;
};

namespace codes {
inline constexpr Code bad_frame{"400.1"};
inline constexpr Code frame_too_large{"400.2"};
inline constexpr Code bad_mqt{"400.3"};
inline constexpr Code no_key{"401.1"};
inline constexpr Code wrong_key{"401.5"};
inline constexpr Code forbidden{"401.6"};
inline constexpr Code module_off{"402.1"};
inline constexpr Code bad_ip{"403.1"};
inline constexpr Code bad_param{"403.2"};
inline constexpr Code bad_app{"403.3"};
inline constexpr Code bad_mode{"403.4"};
inline constexpr Code bad_rule{"403.5"};
inline constexpr Code bad_func{"403.7"};
inline constexpr Code bad_timeout{"403.8"};
inline constexpr Code bad_id{"403.9"};
inline constexpr Code bad_field{"403.10"};
inline constexpr Code bad_target{"403.11"};
inline constexpr Code no_service{"404.1"};
inline constexpr Code no_method{"404.2"};
inline constexpr Code address_taken{"409.1"};
inline constexpr Code list_changed{"409.2"};
inline constexpr Code wrong_state{"409.3"};
inline constexpr Code group_in_use{"409.4"};
inline constexpr Code agent_unreachable{"410.1"};
inline constexpr Code agent_silent{"410.2"};
inline constexpr Code agent_awaited{"410.3"};
inline constexpr Code too_late{"410.4"};
inline constexpr Code no_cron{"411.1"};
inline constexpr Code no_such_key{"413.1"};
inline constexpr Code no_app{"413.2"};
inline constexpr Code no_join{"413.3"};
inline constexpr Code no_agent{"414.1"};
inline constexpr Code no_cmdb_record{"415.1"};
inline constexpr Code no_task{"416.1"};
inline constexpr Code no_run{"417.1"};
inline constexpr Code no_group{"417.2"};
inline constexpr Code closed_now{"423.1"};
inline constexpr Code too_much{"429.1"};
inline constexpr Code internal{"500.1"};
inline constexpr Code shutting_down{"503.1"};
inline constexpr Code store_cannot_write{"507.1"};
} // namespace codes

/// What a caller did wrong or can't have, in words for the caller: which field or thing, what is wrong with
/// it, what would be right. No secret, no path, no SQL. The router alone turns it into `flag`/`error_info`.
class Error : public std::runtime_error {
public:
    Error(Code code, std::string const& text) : std::runtime_error(text), code_(code) {}
    [[nodiscard]] Code code() const noexcept { return code_; }
    /// `[CODE] text`, as `error_info` carries it.
    [[nodiscard]] std::string info() const { return "[" + std::string(code_.text) + "] " + what(); }

private:
    Code code_;
};

} // namespace elves
