#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "agent/worker_tags.hpp"

namespace elves::agent {

/// Reads a worker's answer out of what it prints on standard output: `<ElvesWFlag>true</ElvesWFlag>` (or
/// `false`) and `<ElvesWResult>...</ElvesWResult>`, which may span lines. Fed in pieces cut anywhere.
///
/// Only tags outside any result count, and of several the last one. A tag that is not closed is text. Where a
/// result has another opening tag in it, as after a stranger's text with half an answer, it is not clear
/// where it begins: the flag is then true only if it is true both with the first and with the last opening
/// tag as the beginning. Memory is bounded, whatever comes.
class WorkerOutput {
public:
    /// Of a result at most `max_result` bytes are kept.
    explicit WorkerOutput(std::size_t max_result);

    /// More of the output: UTF-8, cut anywhere, also inside a character.
    void put(std::string_view piece);

    /// What the worker said; nothing where it has printed no flag tag.
    [[nodiscard]] std::optional<bool> flag() const noexcept;
    /// Empty where it has printed none.
    [[nodiscard]] std::string const& result() const noexcept { return result_; }
    /// The result was longer than `max_result`, and only its beginning is here.
    [[nodiscard]] bool result_cut() const noexcept { return result_cut_; }

    /// The end of the output without its last newline: at most 64 KiB, and at most `max_result`. It is the
    /// result of a worker that printed no flag.
    [[nodiscard]] std::string_view text() const noexcept;
    /// There was more than `text` has.
    [[nodiscard]] bool text_cut() const noexcept;
    /// The output's last 2 KiB, for an error.
    [[nodiscard]] std::string tail() const;

private:
    void keep_tail(std::string_view piece);
    void take(TagToken const& token);
    void take_flag(bool flag);
    void open_result(std::string_view tag);
    void close_result();
    void add_to_result(std::string_view text);
    [[nodiscard]] std::string_view without_newline() const noexcept;

    std::size_t max_result_;
    std::size_t max_text_;
    std::string pending_; ///< May become a tag.
    FlagReader flags_;
    bool in_result_ = false;
    std::string open_; ///< The result that is being read.
    bool open_cut_ = false;
    /// The last flag outside any result, if a result begins with the first opening tag, or with the last.
    std::optional<bool> by_first_;
    std::optional<bool> by_last_;
    /// The last flag since the first opening tag of the result that is being read, and since its last one.
    std::optional<bool> since_first_;
    std::optional<bool> since_last_;
    std::string result_;
    bool result_cut_ = false;
    std::string tail_;
    bool tail_cut_ = false;
};

} // namespace elves::agent
