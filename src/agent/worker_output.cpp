#include "agent/worker_output.hpp"

#include <algorithm>
#include <utility>

#include "agent/bounded_text.hpp"

namespace elves::agent {

static constexpr std::string_view flag_opens = "<ElvesWFlag>";
static constexpr std::string_view flag_closes = "</ElvesWFlag>";
static constexpr std::string_view result_opens = "<ElvesWResult>";
static constexpr std::string_view result_closes = "</ElvesWResult>";
static constexpr std::size_t longest_flag = 64; // `true` or `false`, and blanks
static constexpr std::size_t tail_bytes = 2048;

/// `text` is the beginning of `tag` and may become all of it.
static bool may_become(std::string_view text, std::string_view tag)
{
    return text.size() < tag.size() && tag.starts_with(text);
}

static std::optional<bool> flag_of(std::string_view text)
{
    static constexpr std::string_view blanks = " \t\r\n\v\f";
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return std::nullopt;
    std::string word(text.substr(first, text.find_last_not_of(blanks) - first + 1));
    std::transform(word.begin(), word.end(), word.begin(),
        [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (word == "true") return true;
    if (word == "false") return false;
    return std::nullopt;
}

void WorkerOutput::put(std::string_view piece)
{
    keep_tail(piece);
    auto const all = std::exchange(pending_, {}).append(piece);
    std::string_view rest(all);
    auto more = true;
    while (more && !rest.empty()) {
        switch (where_) {
        case Where::text:
            more = read_text(rest);
            break;
        case Where::flag:
            more = read_flag(rest);
            break;
        case Where::result:
            more = read_result(rest);
            break;
        }
    }
    pending_ = rest;
}

bool WorkerOutput::read_text(std::string_view& rest)
{
    rest.remove_prefix(std::min(rest.find('<'), rest.size()));
    if (may_become(rest, flag_opens) || may_become(rest, result_opens)) return false;
    if (rest.starts_with(flag_opens)) {
        rest.remove_prefix(flag_opens.size());
        where_ = Where::flag;
    } else if (rest.starts_with(result_opens)) {
        rest.remove_prefix(result_opens.size());
        open_.clear();
        open_cut_ = false;
        where_ = Where::result;
    } else {
        rest.remove_prefix(1);
    }
    return true;
}

bool WorkerOutput::read_flag(std::string_view& rest)
{
    auto const end = rest.substr(0, longest_flag).find('<');
    if (end == std::string_view::npos) {
        if (rest.size() < longest_flag) return false;
        where_ = Where::text;
        return true;
    }
    auto const after = rest.substr(end);
    if (may_become(after, flag_closes)) return false;
    where_ = Where::text;
    if (!after.starts_with(flag_closes)) {
        rest = after; // perhaps another tag begins here
        return true;
    }
    if (auto const said = flag_of(rest.substr(0, end))) flag_ = said;
    rest = after.substr(flag_closes.size());
    return true;
}

bool WorkerOutput::read_result(std::string_view& rest)
{
    auto const end = rest.find(result_closes);
    if (end == std::string_view::npos) {
        // All but what may be the beginning of the closing tag.
        auto held = std::min(rest.size(), result_closes.size() - 1);
        while (!result_closes.starts_with(rest.substr(rest.size() - held))) --held;
        add_to_result(rest.substr(0, rest.size() - held));
        rest.remove_prefix(rest.size() - held);
        return false;
    }
    add_to_result(rest.substr(0, end));
    rest.remove_prefix(end + result_closes.size());
    // With its one byte too many, so that a cut character shows.
    result_ = head_of(open_, max_result_);
    result_cut_ = open_cut_;
    open_ = {};
    where_ = Where::text;
    return true;
}

void WorkerOutput::add_to_result(std::string_view text)
{
    open_.append(text.substr(0, max_result_ + 1 - open_.size()));
    open_cut_ = open_.size() > max_result_;
}

void WorkerOutput::keep_tail(std::string_view piece)
{
    // One byte more than is shown, so that tail_of sees where it cuts.
    static constexpr auto kept = tail_bytes + 1;
    if (piece.size() >= kept) {
        tail_ = piece.substr(piece.size() - kept);
        return;
    }
    tail_.append(piece);
    if (tail_.size() > 2 * kept) tail_.erase(0, tail_.size() - kept);
}

std::string WorkerOutput::tail() const { return std::string(tail_of(tail_, tail_bytes)); }

} // namespace elves::agent
