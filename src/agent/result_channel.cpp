#include "agent/result_channel.hpp"

#include <algorithm>
#include <utility>

#include "agent/bounded_text.hpp"

namespace elves::agent {

/// At most `most` bytes in all.
static void append(std::string& text, std::string_view more, std::size_t most)
{
    text.append(more.substr(0, most - std::min(most, text.size())));
}

void ResultChannel::put(std::string_view piece)
{
    is_used_ = is_used_ || !piece.empty();
    // The newline that is left out, and one byte more, so that a cut shows.
    append(plain_, piece, max_result_ + 2);
    auto const all = std::exchange(pending_, {}).append(piece);
    std::string_view rest(all);
    while (auto const token = next_token(rest)) take(*token);
    pending_ = rest;
}

void ResultChannel::take(TagToken const& token)
{
    auto const flag = flags_.put(token);
    if (token.kind == TagToken::Kind::flag_open) (is_open_ ? has_begun_after_ : has_begun_before_) = true;
    if (flag) (is_open_ ? after_ : before_) = flag;
    if (is_open_) {
        if (token.kind == TagToken::Kind::result_close) {
            closed_ = size_;
            after_.reset(); // what came so far is in the result
            has_begun_after_ = false;
        }
        append(open_, token.text, max_result_ + 1);
        size_ += token.text.size();
    } else if (token.kind == TagToken::Kind::result_open) {
        is_open_ = true;
    }
}

/// With a byte too many where there is more.
std::string_view ResultChannel::whole() const noexcept
{
    if (closed_) return std::string_view(open_).substr(0, *closed_);
    if (said()) return {};
    std::string_view text(plain_);
    if (text.size() < max_result_ + 2 && text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

std::string ResultChannel::result() const { return std::string(head_of(whole(), max_result_)); }

bool ResultChannel::is_cut() const noexcept { return whole().size() > max_result_; }

} // namespace elves::agent
