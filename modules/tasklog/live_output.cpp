#include "live_output.hpp"

#include <algorithm>

#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr auto flush_interval = 100ms;
constexpr std::size_t most_held = 8 * 1024 * 1024;

bool within_character(std::string const& text, std::size_t at)
{
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

} // namespace

void LiveOutput::add(TaskId id, std::int64_t at, std::string data)
{
    auto const size = static_cast<std::int64_t>(data.size());
    if (at < 0 || size == 0 || size > most_ || at > most_ - size) return;
    // What is there already is not kept once more, however it is cut: else nothing would bound the sum.
    auto& next = next_[id];
    if (at < next) return;
    if (held_bytes_ + data.size() > most_held) {
        ELVES_LOG(debug, "dropped live output of task " << id.text() << ": the disk doesn't keep up");
        return;
    }
    next = at + size;
    held_bytes_ += data.size();
    held_.push_back({id, {at, std::move(data), clock_.now()}});
    if (!flushing_.running()) flushing_ = clock_.after(flush_interval, [this] { flush(); });
}

void LiveOutput::flush()
{
    flushing_.stop();
    if (held_.empty()) return;
    held_bytes_ = 0;
    auto work = [pieces = std::exchange(held_, {})](Db& db) {
        for (auto const& [id, piece] : pieces) task_records::put_output(db, id, piece);
    };
    store_.post(std::move(work), [](std::exception_ptr const& failure) {
        if (failure) ELVES_LOG(warning, "live output was lost: the store did not take it");
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
