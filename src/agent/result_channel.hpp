#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "agent/worker_tags.hpp"

namespace elves::agent {

/// Reads what a worker writes to the descriptor `ELVES_RESULT_FD`: the same tags as on standard output, or
/// plain text, which is the result as it stands. Fed in pieces cut anywhere.
///
/// The worker alone writes here, and one result. So that goes from the first `<ElvesWResult>` to the last
/// `</ElvesWResult>`: nothing that a stranger has put into it can end it. Flags count outside of it, the last
/// one. Memory is bounded, whatever comes.
class ResultChannel {
public:
    /// Of a result at most `max_result` bytes are kept.
    explicit ResultChannel(std::size_t max_result) : max_result_(max_result) {}

    /// More of it: UTF-8, cut anywhere, also inside a character.
    void put(std::string_view piece);

    /// Has anything been written?
    [[nodiscard]] bool is_used() const noexcept { return is_used_; }
    /// Nothing where there was no flag tag: the exit status decides.
    /// Where a flag was begun outside any result, and none was said to its end, it is false: half an answer
    /// is not a yes.
    [[nodiscard]] std::optional<bool> flag() const noexcept
    {
        if (auto const whole_flag = said()) return whole_flag;
        return has_begun_before_ || has_begun_after_ ? std::optional(false) : std::nullopt;
    }
    /// Without any tag: all that was written, without its last newline.
    [[nodiscard]] std::string result() const;
    /// The result was longer than `max_result`, and only its beginning is here.
    [[nodiscard]] bool is_cut() const noexcept;

private:
    void take(TagToken const& token);
    /// The last flag that was said to its end.
    [[nodiscard]] std::optional<bool> said() const noexcept { return after_ ? after_ : before_; }
    [[nodiscard]] std::string_view whole() const noexcept;

    std::size_t max_result_;
    bool is_used_ = false;
    bool has_begun_before_ = false; ///< A flag, before any result;
    bool has_begun_after_ = false;  ///< after it.
    std::string pending_;           ///< May become a tag.
    FlagReader flags_;
    std::string plain_;                 ///< The beginning of all that was written.
    std::string open_;                  ///< From the first opening tag on.
    std::optional<std::size_t> closed_; ///< The bytes before the last closing tag.
    std::size_t size_ = 0;              ///< Bytes since the first opening tag, kept or not.
    bool is_open_ = false;
    std::optional<bool> before_; ///< The last flag before the result.
    std::optional<bool>
        after_; ///< The last flag behind the last closing tag, or where there is none behind the opening one.
};

} // namespace elves::agent
