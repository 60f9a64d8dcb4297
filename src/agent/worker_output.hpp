#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace elves::agent {

/// Reads a worker's answer out of what it prints: `<ElvesWFlag>true</ElvesWFlag>` (or `false`; case and
/// blanks around it don't matter) and `<ElvesWResult>...</ElvesWResult>`, which may span lines. Fed in pieces
/// cut anywhere.
///
/// Of several complete tags the last counts, so that a worker may say `false` first and `true` when it is
/// through. In a result nothing else is looked for: what a worker passes on from elsewhere can't set its
/// flag. A tag that is not closed, or a flag that is neither, counts as text. Memory is bounded, whatever
/// comes.
class WorkerOutput {
public:
    /// Of a result at most `max_result` bytes are kept.
    explicit WorkerOutput(std::size_t max_result) : max_result_(max_result) {}

    /// More of the output: UTF-8, cut anywhere, also inside a character.
    void put(std::string_view piece);

    /// What the worker said; nothing where it has printed no flag tag.
    [[nodiscard]] std::optional<bool> flag() const noexcept { return flag_; }
    /// Empty where it has printed none.
    [[nodiscard]] std::string const& result() const noexcept { return result_; }
    /// The result was longer than `max_result`, and only its beginning is here.
    [[nodiscard]] bool result_cut() const noexcept { return result_cut_; }
    /// The output's last 2 KiB, for the error of a worker that printed no flag.
    [[nodiscard]] std::string tail() const;

private:
    enum class Where { text, flag, result };

    void keep_tail(std::string_view piece);
    /// Each takes what it can from `rest`; false: it needs more to go on.
    bool read_text(std::string_view& rest);
    bool read_flag(std::string_view& rest);
    bool read_result(std::string_view& rest);
    void add_to_result(std::string_view text);

    std::size_t max_result_;
    Where where_ = Where::text;
    std::string pending_; ///< What can't be decided yet: shorter than the longest tag and flag.
    std::string open_;    ///< The result that is being read.
    bool open_cut_ = false;
    std::optional<bool> flag_;
    std::string result_;
    bool result_cut_ = false;
    std::string tail_;
};

} // namespace elves::agent
