// A worker may print whatever it likes: what is read out of it does not hang on where the pipe cut it, is
// valid UTF-8, and is bounded.
#include "agent/worker_output.hpp"

#include <optional>

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
    friend bool operator==(Said const&, Said const&) = default;
};

Said said(agent::WorkerOutput const& output)
{
    return {output.flag(), output.result(), output.result_cut(), output.tail()};
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

struct Book {
    std::optional<bool> flag;
    std::string_view result;
};

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

/// What the worker said, found the plain way in the whole of its text.
Book by_the_book(std::string_view text)
{
    constexpr std::string_view flag_opens = "<ElvesWFlag>";
    constexpr std::string_view flag_closes = "</ElvesWFlag>";
    constexpr std::string_view result_opens = "<ElvesWResult>";
    constexpr std::string_view result_closes = "</ElvesWResult>";
    constexpr std::size_t longest_flag = 64;
    Book book;
    while (true) {
        text.remove_prefix(std::min(text.find('<'), text.size()));
        if (text.empty()) return book;
        if (text.starts_with(result_opens)) {
            text.remove_prefix(result_opens.size());
            auto const end = text.find(result_closes);
            if (end == std::string_view::npos) return book;
            book.result = text.substr(0, end);
            text.remove_prefix(end + result_closes.size());
        } else if (text.starts_with(flag_opens)) {
            text.remove_prefix(flag_opens.size());
            auto const end = text.find('<');
            bool const closed = end < longest_flag && text.substr(end).starts_with(flag_closes);
            auto const word = closed ? word_of(std::string(text.substr(0, end))) : std::nullopt;
            if (word) book.flag = word;
        } else {
            text.remove_prefix(1);
        }
    }
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
    auto const book = by_the_book(text);
    PROMISE(pieces.flag == book.flag);
    PROMISE(book.result.starts_with(pieces.result));
    PROMISE(pieces.cut == (book.result.size() > max_result));
    PROMISE(pieces.cut || pieces.result == book.result);
}
