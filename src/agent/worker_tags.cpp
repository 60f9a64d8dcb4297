#include "agent/worker_tags.hpp"

#include <algorithm>
#include <array>

namespace elves::agent {

namespace {

constexpr std::size_t longest_flag = 64; // `true` or `false`, and blanks

constexpr std::array<TagToken, 4> tags{
    {{TagToken::Kind::flag_open, "<ElvesWFlag>"}, {TagToken::Kind::flag_close, "</ElvesWFlag>"},
        {TagToken::Kind::result_open, "<ElvesWResult>"}, {TagToken::Kind::result_close, "</ElvesWResult>"}}};

std::optional<bool> flag_of(std::string_view text)
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

TagToken take(std::string_view& rest, TagToken::Kind kind, std::size_t size)
{
    TagToken const token{kind, rest.substr(0, size)};
    rest.remove_prefix(token.text.size());
    return token;
}

} // namespace

std::optional<TagToken> next_token(std::string_view& rest)
{
    if (rest.empty()) return std::nullopt;
    if (rest.front() != '<') return take(rest, TagToken::Kind::text, rest.find('<'));
    for (auto const& tag : tags) {
        if (rest.starts_with(tag.text)) return take(rest, tag.kind, tag.text.size());
        if (tag.text.starts_with(rest)) return std::nullopt;
    }
    return take(rest, TagToken::Kind::text, rest.find('<', 1));
}

std::optional<bool> FlagReader::put(TagToken const& token)
{
    if (token.kind == TagToken::Kind::text) {
        is_open_ = is_open_ && text_.size() + token.text.size() < longest_flag;
        if (is_open_) text_ += token.text;
        return std::nullopt;
    }
    bool const is_closed = is_open_ && token.kind == TagToken::Kind::flag_close;
    is_open_ = token.kind == TagToken::Kind::flag_open;
    auto const flag = is_closed ? flag_of(text_) : std::nullopt;
    text_.clear();
    return flag;
}

} // namespace elves::agent
