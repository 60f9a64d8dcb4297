#include "agent/worker_output.hpp"

#include <algorithm>
#include <utility>

#include "agent/bounded_text.hpp"

namespace elves::agent {

static constexpr std::size_t longest_text = std::size_t{64} * 1024;
static constexpr std::size_t tail_bytes = 2048;

WorkerOutput::WorkerOutput(std::size_t max_result)
    : max_result_(max_result), max_text_(std::min(max_result, longest_text))
{
}

void WorkerOutput::put(std::string_view piece)
{
    keep_tail(piece);
    auto const all = std::exchange(pending_, {}).append(piece);
    std::string_view rest(all);
    while (auto const token = next_token(rest)) take(*token);
    pending_ = rest;
}

void WorkerOutput::take(TagToken const& token)
{
    auto const flag = flags_.put(token);
    if (token.kind == TagToken::Kind::result_open) {
        open_result(token.text);
    } else if (in_result_ && token.kind == TagToken::Kind::result_close) {
        close_result();
    } else if (in_result_) {
        add_to_result(token.text);
    }
    if (flag) take_flag(*flag);
}

void WorkerOutput::take_flag(bool flag)
{
    (in_result_ ? since_first_ : by_first_) = flag;
    (in_result_ ? since_last_ : by_last_) = flag;
}

void WorkerOutput::open_result(std::string_view tag)
{
    if (in_result_) {
        add_to_result(tag);
        if (since_last_) by_last_ = since_last_;
        since_last_.reset();
        return;
    }
    in_result_ = true;
    open_.clear();
    open_cut_ = false;
}

void WorkerOutput::close_result()
{
    in_result_ = false;
    since_first_.reset();
    since_last_.reset();
    // With its one byte too many, so that a cut character shows.
    result_ = head_of(open_, max_result_);
    result_cut_ = open_cut_;
}

void WorkerOutput::add_to_result(std::string_view text)
{
    auto const room = max_result_ + 1 - open_.size();
    open_.append(text.substr(0, room));
    open_cut_ = open_.size() > max_result_;
}

std::optional<bool> WorkerOutput::flag() const noexcept
{
    // A result that was never closed is text, and its flags count.
    auto const first = since_first_ ? since_first_ : by_first_;
    auto const last = since_last_ ? since_last_ : by_last_;
    if (first == false || last == false) return false;
    return first ? first : last;
}

void WorkerOutput::keep_tail(std::string_view piece)
{
    // The newline that is left out, and one byte more, so that tail_of sees where it cuts.
    auto const kept = std::max(max_text_, tail_bytes) + 2;
    tail_cut_ = tail_cut_ || tail_.size() + piece.size() > kept;
    if (piece.size() >= kept) {
        tail_ = piece.substr(piece.size() - kept);
        return;
    }
    tail_.append(piece);
    if (tail_.size() > 2 * kept) tail_.erase(0, tail_.size() - kept);
}

std::string_view WorkerOutput::without_newline() const noexcept
{
    std::string_view text(tail_);
    if (text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

std::string_view WorkerOutput::text() const noexcept { return tail_of(without_newline(), max_text_); }

bool WorkerOutput::text_cut() const noexcept { return tail_cut_ || without_newline().size() > text().size(); }

std::string WorkerOutput::tail() const { return std::string(tail_of(tail_, tail_bytes)); }

} // namespace elves::agent
