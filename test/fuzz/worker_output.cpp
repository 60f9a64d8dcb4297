// A worker may print whatever it likes: what is read out of it does not hang on where the pipe cut it, is
// valid UTF-8, and is bounded.
#include "agent/worker_output.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "agent/result_channel.hpp"

#include "core/utf8.hpp"
#include "cuts.hpp"
#include "fuzz_target.hpp"

using namespace elves;

namespace {

constexpr std::size_t max_result = 40;

struct Said {
    std::optional<bool> flag;
    std::string result;
    bool cut = false;
    std::string tail;
    std::string text;
    bool text_cut = false;
    friend bool operator==(Said const&, Said const&) = default;
};

Said said(agent::WorkerOutput const& output)
{
    return {output.flag(), output.result(), output.result_cut(), output.tail(), std::string(output.text()),
        output.text_cut()};
}

/// As the agent reads a pipe: repaired piece by piece.
Said in_pieces(std::string_view printed, fuzz::Cuts cuts, std::string& text)
{
    agent::WorkerOutput output(max_result);
    Utf8Repair repair;
    while (!printed.empty()) {
        auto const piece = repair.put(cuts.piece(printed));
        text += piece;
        output.put(piece);
    }
    auto const end = repair.finish();
    text += end;
    output.put(end);
    return said(output);
}

Said in_one(std::string_view text)
{
    agent::WorkerOutput output(max_result);
    output.put(text);
    return said(output);
}

std::optional<bool> word_of(std::string text)
{
    constexpr auto blanks = " \t\r\n\v\f";
    text.erase(text.find_last_not_of(blanks) + 1);
    text.erase(0, text.find_first_not_of(blanks));
    for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
}

/// A tag in the whole of the text.
struct Tag {
    enum Kind { flag_open, flag_close, result_open, result_close };
    Kind kind;
    std::size_t begin, end;
};

std::vector<Tag> tags_of(std::string_view text)
{
    static constexpr std::array<std::pair<Tag::Kind, std::string_view>, 4> kinds{
        {{Tag::flag_open, "<ElvesWFlag>"}, {Tag::flag_close, "</ElvesWFlag>"},
            {Tag::result_open, "<ElvesWResult>"}, {Tag::result_close, "</ElvesWResult>"}}};
    std::vector<Tag> tags;
    for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
        for (auto const& [kind, tag] : kinds) {
            if (text.substr(at).starts_with(tag)) tags.push_back({kind, at, at + tag.size()});
        }
    }
    return tags;
}

/// From where to where a result goes, as places in the list of tags.
struct Result {
    std::size_t open, close;
};

/// `by_last`: one with several opening tags begins with the last of them.
std::vector<Result> results_of(std::vector<Tag> const& tags, bool by_last)
{
    std::vector<Result> results;
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < tags.size(); ++i) {
        if (tags[i].kind == Tag::result_open && (!open || by_last)) open = i;
        if (tags[i].kind != Tag::result_close || !open) continue;
        results.push_back({*open, i});
        open.reset();
    }
    return results;
}

/// The last flag for whose place `counts` is true.
template <class Counts>
std::optional<bool> last_flag(std::string_view text, std::vector<Tag> const& tags, Counts counts)
{
    constexpr std::size_t longest_flag = 64;
    std::optional<bool> flag;
    for (std::size_t i = 0; i + 1 < tags.size(); ++i) {
        if (tags[i].kind != Tag::flag_open || tags[i + 1].kind != Tag::flag_close || !counts(i)) continue;
        auto const said = text.substr(tags[i].end, tags[i + 1].begin - tags[i].end);
        if (said.size() >= longest_flag) continue;
        if (auto const word = word_of(std::string(said))) flag = word;
    }
    return flag;
}

std::optional<bool> flag_outside(std::string_view text, std::vector<Tag> const& tags, bool by_last)
{
    auto const results = results_of(tags, by_last);
    return last_flag(text, tags, [&](std::size_t place) {
        return std::none_of(results.begin(), results.end(),
            [place](Result const& one) { return one.open < place && place < one.close; });
    });
}

struct Book {
    std::optional<bool> flag;
    std::string_view result;
};

/// What the worker said on standard output, found the plain way in the whole of its text.
Book by_the_book(std::string_view text)
{
    auto const tags = tags_of(text);
    Book book;
    auto const first = flag_outside(text, tags, false);
    auto const last = flag_outside(text, tags, true);
    book.flag = first == false || last == false ? false : first ? first : last;
    if (auto const results = results_of(tags, false); !results.empty()) {
        auto const begin = tags[results.back().open].end;
        book.result = text.substr(begin, tags[results.back().close].begin - begin);
    }
    return book;
}

/// The same of the result descriptor.
Book channel_by_the_book(std::string_view text)
{
    auto const tags = tags_of(text);
    auto const is = [](Tag::Kind kind) { return [kind](Tag const& tag) { return tag.kind == kind; }; };
    auto const open = std::find_if(tags.begin(), tags.end(), is(Tag::result_open));
    auto const close =
        std::find_if(tags.rbegin(), std::make_reverse_iterator(open), is(Tag::result_close)).base();
    bool const has_result = open != tags.end() && close != open;
    auto const opened = static_cast<std::size_t>(open - tags.begin());
    auto const closed = has_result ? static_cast<std::size_t>(close - tags.begin()) : opened;
    Book book;
    auto const counts = [&](std::size_t place) { return place < opened || place >= closed; };
    auto const said = last_flag(text, tags, counts);
    book.flag = said;
    for (std::size_t place = 0; place < tags.size() && !said; ++place) {
        if (tags[place].kind == Tag::flag_open && counts(place)) book.flag = false; // half an answer
    }
    if (has_result) {
        book.result = text.substr(open->end, std::prev(close)->begin - open->end);
    } else if (!said) {
        book.result = text.substr(0, text.size() - (text.ends_with('\n') ? 1 : 0));
    }
    return book;
}

/// What is read of the same bytes where they come by the result descriptor.
void check_channel(std::string_view text, fuzz::Cuts cuts)
{
    agent::ResultChannel channel(max_result);
    for (auto rest = text; !rest.empty();) channel.put(cuts.piece(rest));
    auto const book = channel_by_the_book(text);
    PROMISE(channel.is_used() == !text.empty());
    PROMISE(channel.flag() == book.flag);
    PROMISE(channel.is_cut() == (book.result.size() > max_result));
    PROMISE(channel.is_cut()
                ? book.result.starts_with(channel.result()) && channel.result().size() <= max_result
                : channel.result() == book.result);
    PROMISE(is_utf8(channel.result()));
}

} // namespace

FUZZ_TARGET(worker_output)
{
    fuzz::Cuts const cuts(input);
    std::string text;
    auto const pieces = in_pieces(input, cuts, text);
    PROMISE(text == repaired(input));
    PROMISE(is_utf8(text));
    PROMISE(pieces == in_one(text));

    PROMISE(pieces.result.size() <= max_result && is_utf8(pieces.result));
    PROMISE(pieces.tail.size() <= 2048 && is_utf8(pieces.tail) && text.ends_with(pieces.tail));
    auto const whole = std::string_view(text).substr(0, text.size() - (text.ends_with('\n') ? 1 : 0));
    PROMISE(pieces.text.size() <= max_result && is_utf8(pieces.text) && whole.ends_with(pieces.text));
    PROMISE(pieces.text_cut == (pieces.text.size() < whole.size()));
    check_channel(text, cuts);
    auto const book = by_the_book(text);
    PROMISE(pieces.flag == book.flag);
    PROMISE(book.result.starts_with(pieces.result));
    PROMISE(pieces.cut == (book.result.size() > max_result));
    PROMISE(pieces.cut || pieces.result == book.result);
}
