#include "live_output.hpp"

#include <algorithm>
#include <map>

#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr auto flush_interval = 100ms;
/// In memory, what is being written included.
constexpr std::size_t most_held = 32 * 1024 * 1024;
/// So much is not held any longer: many workers may end at once.
constexpr std::size_t large_batch = 2 * 1024 * 1024;
/// Up to this size a row takes what follows. A row costs some 45 bytes beside its text, so that small pieces
/// of a row each would cost many times what they say.
constexpr std::int64_t row_bytes = 1024;
/// Larger pieces become several rows: a page reads whole rows.
constexpr std::size_t largest_row = 64 * 1024;
/// A gap of no more bytes is filled with the `?` that stand for it when it is read: a new row would cost
/// more.
constexpr std::int64_t largest_filled_gap = 45;
/// Small gaps that a stream may leave open for what is sent again.
constexpr int most_open_gaps = 16;

bool is_within_character(std::string_view text, std::size_t at)
{
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

} // namespace

/// A write under way: what has to be known when it has ended.
struct LiveOutput::Batch {
    std::vector<Piece> pieces;
    std::unordered_map<TaskId, std::int64_t> left_out;
    std::map<std::string, std::int64_t> written; ///< For each key; set by the store's thread.
    std::vector<OneShot<std::exception_ptr>> waiting;
    std::size_t size = 0;     ///< Bytes.
    std::uint64_t writes = 0; ///< `writes_` when it was begun.

    void write(Db& db)
    {
        written.clear();
        for (auto const& [id, stream, row, piece, by] : pieces) {
            written[by] += row == new_row ? task_records::insert_output(db, id, stream, piece)
                                          : task_records::append_output(db, id, stream, row, piece);
        }
        for (auto const& [id, bytes] : left_out) task_records::add_left_out(db, id, bytes);
    }
};

bool LiveOutput::add(ArrivedOutput arrived)
{
    if (arrived.at < 0 || arrived.data.empty()) return true;
    if (held_bytes_ + writing_bytes_ + arrived.data.size() + sizeof(Piece) > most_held) return false;
    cut_to_bound(arrived);
    if (arrived.data.empty()) return true;
    auto const [place, is_new] = last_.try_emplace(arrived.id);
    if (is_new && arrived.is_final) ended_.push_back(arrived.id);
    auto& last = arrived.stream == OutputStream::output ? place->second.output : place->second.errors;
    cut_known(last, arrived);
    if (arrived.data.empty()) {
        // It is there already, or on its way.
    } else if (fits_last_row(last, arrived)) {
        arrived.data.insert(0, static_cast<std::size_t>(arrived.at - last.end), '?');
        append(last, std::move(arrived));
    } else {
        begin_row(last, std::move(arrived));
    }
    flush_soon();
    return true;
}

void LiveOutput::cut_to_bound(ArrivedOutput& arrived)
{
    auto const bound = most_ > 0 ? most_ + static_cast<std::int64_t>(cut_line_room) : 0;
    auto const room = static_cast<std::size_t>(std::max<std::int64_t>(bound - arrived.at, 0));
    if (arrived.data.size() <= room) return;
    auto fits = room;
    while (fits > 0 && is_within_character(arrived.data, fits)) --fits;
    leave_out(arrived.id, arrived.data.size() - fits);
    arrived.data.resize(fits);
}

void LiveOutput::leave_out(TaskId id, std::size_t bytes)
{
    left_out_[id] += static_cast<std::int64_t>(bytes);
    flush_soon();
}

/// What is sent again is not compared with the disk where memory knows it.
void LiveOutput::cut_known(Last const& last, ArrivedOutput& arrived) const
{
    bool const is_known = last.row >= 0 && last.writes == writes_ && arrived.at >= last.whole_from;
    if (!is_known || arrived.at >= last.end) return;
    auto const known = static_cast<std::size_t>(last.end - arrived.at);
    arrived.at = last.end;
    arrived.data.erase(0, known);
}

bool LiveOutput::fits_last_row(Last const& last, ArrivedOutput const& arrived) const
{
    auto const gap = arrived.at - last.end;
    bool const may_fill = arrived.fills_gaps || last.gaps >= most_open_gaps;
    return last.takes_more && last.writes == writes_ && gap >= 0 &&
           gap <= (may_fill ? largest_filled_gap : 0) &&
           arrived.at + static_cast<std::int64_t>(arrived.data.size()) - last.row <= row_bytes;
}

/// The first row of a stream stays as it is: its time is that of the first output.
void LiveOutput::begin_row(Last& last, ArrivedOutput arrived)
{
    // One that is sent again may be in the middle of others: nothing is appended to it.
    bool const is_next = arrived.at >= last.end;
    // After a write that failed nothing is known of what came before.
    bool const is_unknown = last.row < 0 || last.writes != writes_;
    bool const is_gap = !is_unknown && arrived.at > last.end;
    if (is_gap) ++last.gaps;
    if (is_unknown) last.end = arrived.at;
    if (is_unknown || is_gap) last.whole_from = arrived.at;
    last.takes_more = is_next && last.row >= 0;
    last.writes = writes_;
    last.row = arrived.at;
    auto const first = std::move(arrived.data);
    for (std::string_view rest = first; !rest.empty();) {
        auto size = std::min(rest.size(), largest_row);
        while (size > 1 && is_within_character(rest, size)) --size;
        arrived.data = rest.substr(0, size);
        rest.remove_prefix(size);
        hold(last, new_row, arrived);
        arrived.at += static_cast<std::int64_t>(size);
    }
}

void LiveOutput::append(Last& last, ArrivedOutput arrived)
{
    if (last.flush != flushes_) {
        arrived.at = last.end;
        return hold(last, last.row, std::move(arrived));
    }
    auto& piece = held_[last.held].piece;
    held_bytes_ += arrived.data.size();
    last.end += static_cast<std::int64_t>(arrived.data.size());
    piece.data += arrived.data;
    piece.time = clock_.now();
}

void LiveOutput::hold(Last& last, std::int64_t row, ArrivedOutput arrived)
{
    held_bytes_ += arrived.data.size() + sizeof(Piece);
    last.end = std::max(last.end, arrived.at + static_cast<std::int64_t>(arrived.data.size()));
    last.flush = flushes_;
    last.held = held_.size();
    held_.push_back({arrived.id, arrived.stream, row, {arrived.at, std::move(arrived.data), clock_.now()},
        std::move(arrived.by)});
}

void LiveOutput::flush_soon()
{
    // Later in the loop even so: whoever waits for it has not said so yet.
    bool const is_large = held_bytes_ > large_batch;
    if (is_large || !flushing_.running())
        flushing_ = clock_.after(is_large ? 0ms : flush_interval, [this] { flush(); });
}

asio::awaitable<void> LiveOutput::on_disk()
{
    OneShot<std::exception_ptr> mine;
    waiting_.push_back(mine);
    flush_soon();
    auto const failure = co_await mine.wait(clock_);
    if (failure) std::rethrow_exception(failure);
}

void LiveOutput::flush()
{
    flushing_.stop();
    if (held_.empty() && left_out_.empty() && waiting_.empty()) return;
    ++flushes_;
    for (auto const id : std::exchange(ended_, {})) last_.erase(id);
    auto batch = std::make_shared<Batch>(Batch{std::exchange(held_, {}), std::exchange(left_out_, {}), {},
        std::exchange(waiting_, {}), std::exchange(held_bytes_, 0), writes_});
    writing_bytes_ += batch->size;
    store_.post([batch](Db& db) { batch->write(db); },
        [this, batch, weak = std::weak_ptr(alive_)](std::exception_ptr const& failure) {
            if (!weak.expired()) written(*batch, failure);
        });
}

void LiveOutput::written(Batch const& batch, std::exception_ptr const& failure)
{
    writing_bytes_ -= batch.size;
    // What was on its way when something was sent again may not have come to the disk.
    auto const earlier = batch.writes == writes_ ? nullptr : failed_;
    for (auto waiting : batch.waiting) waiting.set(failure ? failure : earlier);
    if (!failure) {
        for (auto const& [by, bytes] : batch.written) {
            if (on_written_ && bytes > 0) on_written_(by, bytes);
        }
        return;
    }
    failed_ = failure;
    ++writes_; // the rows of this write are not there to be appended to
    for (auto const& [id, bytes] : batch.left_out) left_out_[id] += bytes;
    ELVES_LOG(warning, "output.not_written pieces=" << batch.pieces.size()
                                                    << ": the store did not take what workers printed; "
                                                       "agents send it again");
}

namespace {

/// The placeholder for `size` missing bytes.
std::string gap_text(std::size_t size)
{
    auto text = "[" + std::to_string(size) + " bytes left out]";
    if (text.size() > size) text.clear();
    text.resize(size, '?');
    return text;
}

} // namespace

std::string output_page(std::vector<task_records::OutputPiece> const& pieces, OutputRange const& range)
{
    auto const stop = std::min(range.size, range.offset + range.limit + page_margin);
    std::string text;
    auto at = range.offset;
    std::int64_t end = 0; // of the piece before
    for (auto const& piece : pieces) {
        if (at >= stop) break;
        if (piece.at > at) {
            auto const gap = gap_text(static_cast<std::size_t>(piece.at - end));
            text += gap.substr(static_cast<std::size_t>(at - end));
            at = piece.at;
        }
        end = piece.at + static_cast<std::int64_t>(piece.data.size());
        if (end <= at) continue;
        text += std::string_view(piece.data).substr(static_cast<std::size_t>(at - piece.at));
        at = end;
    }
    std::size_t begin = 0;
    while (is_within_character(text, begin)) ++begin;
    auto last = std::min(begin + static_cast<std::size_t>(range.limit), text.size());
    while (last > begin && is_within_character(text, last)) --last;
    // At least one character, or whoever reads on never gets past it.
    if (last == begin && begin < text.size()) {
        do ++last;
        while (is_within_character(text, last));
    }
    return text.substr(begin, last - begin);
}

} // namespace elves
