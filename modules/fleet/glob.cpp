#include "glob.hpp"

#include <algorithm>

namespace elves {

namespace {

/// The next character of UTF-8 text, which is taken off its front. A byte that begins none stands for itself.
char32_t take_character(std::string_view& text)
{
    auto const first = static_cast<unsigned char>(text.front());
    std::size_t const length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t character = length == 1 ? first : first & (0x7FU >> length);
    auto const end = std::min(length, text.size());
    for (std::size_t i = 1; i < end; ++i)
        character = character << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
    text.remove_prefix(end);
    return character;
}

} // namespace

bool Glob::Piece::fits(char32_t c) const
{
    auto const is_in = [&] {
        return std::any_of(ranges.begin(), ranges.end(),
            [c](auto const& range) { return range.first <= c && c <= range.second; });
    };
    switch (kind) {
    case Kind::character:
        return c == character;
    case Kind::any_character:
        return true;
    case Kind::any_text:
        return false;
    case Kind::one_of:
        return is_in();
    case Kind::none_of:
        return !is_in();
    }
    return false;
}

/// Reads a pattern piece by piece, up to its end or its first fault.
class Glob::Reader {
public:
    explicit Reader(std::string_view pattern) : all_(pattern), rest_(pattern) {}

    void read()
    {
        while (!rest_.empty() && !fault) {
            auto const at = here();
            auto const c = take_character(rest_);
            if (++characters_ > most_characters) {
                fault = {at, "a pattern of at most 256 characters"};
            } else if (c == '*') {
                // Several in a row are one.
                if (pieces.empty() || pieces.back().kind != Piece::Kind::any_text)
                    pieces.push_back({Piece::Kind::any_text});
            } else if (c == '?') {
                pieces.push_back({Piece::Kind::any_character});
            } else if (c == '[') {
                read_class(at);
            } else {
                pieces.push_back({Piece::Kind::character, c});
            }
        }
    }

    std::vector<Piece> pieces;
    std::optional<Fault> fault;

private:
    [[nodiscard]] std::size_t here() const { return all_.size() - rest_.size(); }

    void read_class(std::size_t at)
    {
        Piece piece{Piece::Kind::one_of};
        if (rest_.starts_with('!')) {
            piece.kind = Piece::Kind::none_of;
            rest_.remove_prefix(1);
        }
        do {
            if (rest_.empty()) return void(fault = {at, "a `]` that closes this `[`"});
            auto const from = here();
            auto const first = take_character(rest_);
            auto last = first;
            if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
                rest_.remove_prefix(1);
                last = take_character(rest_);
                if (last < first) return void(fault = {from, "the lower character first, as in a-z"});
            }
            piece.ranges.emplace_back(first, last);
        } while (!rest_.starts_with(']'));
        rest_.remove_prefix(1);
        pieces.push_back(std::move(piece));
    }

    std::string_view all_;
    std::string_view rest_;
    std::size_t characters_ = 0;
};

std::optional<Glob::Fault> Glob::fault_of(std::string_view pattern)
{
    Reader reader(pattern);
    reader.read();
    return reader.fault;
}

Glob::Glob(std::string_view pattern)
{
    Reader reader(pattern);
    reader.read();
    pieces_ = std::move(reader.pieces);
}

bool Glob::matches(std::string_view text) const
{
    // Where a `*` is met, the rest is tried behind it; where that fails, behind one more character. Only the
    // last `*` has to be gone back to: time is at most the product of both lengths.
    std::size_t at = 0;
    std::optional<std::size_t> star;
    std::string_view behind_star;
    while (!text.empty() || at < pieces_.size()) {
        bool const is_star = at < pieces_.size() && pieces_[at].kind == Piece::Kind::any_text;
        if (is_star) {
            star = at++;
            behind_star = text;
            continue;
        }
        auto rest = text;
        if (at < pieces_.size() && !text.empty() && pieces_[at].fits(take_character(rest))) {
            text = rest;
            ++at;
            continue;
        }
        if (!star || behind_star.empty()) return false;
        take_character(behind_star);
        text = behind_star;
        at = *star + 1;
    }
    return true;
}

} // namespace elves
