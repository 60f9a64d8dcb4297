#include "live_output.hpp"

#include <algorithm>

#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr auto flush_interval = 100ms;
constexpr std::size_t most_held = 8 * 1024 * 1024;
/// Up to this size a row takes what follows. A row costs some 45 bytes beside its text, so that small pieces
/// of a row each would cost many times what they say.
constexpr std::int64_t row_bytes = 1024;
/// A gap of no more bytes is filled with the `?` that stand for it when it is read: a new row would cost
/// more.
constexpr std::int64_t largest_filled_gap = 45;

bool within_character(std::string const& text, std::size_t at)
{
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

} // namespace

std::size_t LiveOutput::add(TaskId id, std::int64_t at, std::string data)
{
    auto const size = static_cast<std::int64_t>(data.size());
    if (at < 0 || size == 0 || size > most_ || at > most_ - size) return 0;
    // What is there already is not kept once more, however it is cut: else nothing would bound the sum.
    auto& last = last_[id];
    if (at < last.end) return 0;
    if (held_bytes_ + data.size() + sizeof(Piece) > most_held) {
        ELVES_LOG(debug, "dropped live output of task " << id.text() << ": the disk doesn't keep up");
        return 0;
    }
    if (last.takes_more && last.writes == *writes_ && at - last.end <= largest_filled_gap &&
        at + size - last.row <= row_bytes) {
        data.insert(0, static_cast<std::size_t>(at - last.end), '?');
        append(id, last, std::move(data));
    } else {
        begin_row(id, last, at, std::move(data));
    }
    if (!flushing_.running()) flushing_ = clock_.after(flush_interval, [this] { flush(); });
    return static_cast<std::size_t>(size);
}

/// The first row of a task stays as it is: its time is that of the first output.
void LiveOutput::begin_row(TaskId id, Last& last, std::int64_t at, std::string data)
{
    last.takes_more = last.row >= 0;
    last.writes = *writes_;
    last.row = at;
    hold(id, last, at, std::move(data));
}

void LiveOutput::append(TaskId id, Last& last, std::string data)
{
    if (last.flush != flushes_) return hold(id, last, last.end, std::move(data));
    auto& piece = held_[last.held].piece;
    held_bytes_ += data.size();
    last.end += static_cast<std::int64_t>(data.size());
    piece.data += data;
    piece.time = clock_.now();
}

void LiveOutput::hold(TaskId id, Last& last, std::int64_t at, std::string data)
{
    held_bytes_ += data.size() + sizeof(Piece);
    last.end = at + static_cast<std::int64_t>(data.size());
    last.flush = flushes_;
    last.held = held_.size();
    held_.push_back({id, last.row, {at, std::move(data), clock_.now()}});
}

void LiveOutput::flush()
{
    flushing_.stop();
    if (held_.empty()) return;
    held_bytes_ = 0;
    ++flushes_;
    auto work = [pieces = std::exchange(held_, {})](Db& db) {
        for (auto const& [id, row, piece] : pieces) task_records::put_output(db, id, row, piece);
    };
    store_.post(std::move(work), [writes = writes_](std::exception_ptr const& failure) {
        if (!failure) return;
        ++*writes; // the rows of this write are not there to be appended to
        ELVES_LOG(warning, "live output was lost: the store did not take it");
    });
}

std::string joined_output(
    std::vector<task_records::OutputPiece> const& pieces, std::int64_t offset, std::int64_t limit)
{
    std::string all;
    for (auto const& piece : pieces) {
        auto const at = static_cast<std::size_t>(std::max<std::int64_t>(piece.at, 0));
        if (at > all.size()) all.resize(at, '?');
        if (at == all.size()) all += piece.data;
    }
    auto begin = std::min(static_cast<std::size_t>(offset), all.size());
    while (within_character(all, begin)) ++begin;
    auto end = std::min(begin + static_cast<std::size_t>(limit), all.size());
    while (end > begin && within_character(all, end)) --end;
    // At least one character, or whoever reads on never gets past it.
    if (end == begin && begin < all.size()) {
        do ++end;
        while (within_character(all, end));
    }
    return all.substr(begin, end - begin);
}

std::int64_t output_size(std::vector<task_records::OutputPiece> const& pieces)
{
    std::int64_t size = 0;
    for (auto const& piece : pieces)
        size = std::max(size, piece.at + static_cast<std::int64_t>(piece.data.size()));
    return size;
}

} // namespace elves
