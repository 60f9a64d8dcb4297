#include "agent/kept_output.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "agent/bounded_text.hpp"
#include "agent/cut_line.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/text_fit.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t chunk_bytes = std::size_t{32} * 1024;
/// Sent and not answered, of workers that run; and of workers that have ended, whose output goes before their
/// result.
constexpr std::size_t most_in_flight = std::size_t{1024} * 1024;
constexpr std::size_t most_at_end = std::size_t{16} * 1024 * 1024;
/// Past this what is only in memory goes to the journal at once, and past the other no more is taken.
constexpr std::size_t many_unwritten = std::size_t{4} * 1024 * 1024;
constexpr std::size_t most_unwritten = std::size_t{64} * 1024 * 1024;
constexpr std::chrono::milliseconds answer_limit = 30s;
constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;
/// How long output waits for the server's answer before it is written here.
constexpr std::chrono::milliseconds write_after = 1s;
constexpr int most_refusals = 6;

bool has_code(std::string_view info, Code code)
{
    return info.starts_with("[" + std::string(code.text) + "]");
}

std::size_t index_of(OutputStream stream) { return static_cast<std::size_t>(stream); }

} // namespace

KeptOutput::KeptOutput(LoopExecutor loop, Clock& clock, Journal& journal, ServerBounds& bounds, Limits limits)
    : loop_(std::move(loop)), clock_(clock), journal_(journal), bounds_(bounds), limits_(limits)
{
}

void KeptOutput::start(std::vector<Journal::KeptPiece> const& kept)
{
    for (auto const& [place, size] : kept) {
        auto& stream = stream_of(place.id, place.stream);
        tasks_.at(place.id).has_ended = true;
        stream.chunks.push_back({place.at, size, {}, Chunk::Disk::yes, false, false});
        stream.end = place.at + size;
        kept_ += size;
    }
    if (kept_ > 0) ELVES_LOG(info, "output.kept tasks=" << tasks_.size() << " bytes=" << kept_);
}

KeptOutput::Stream& KeptOutput::stream_of(TaskId id, OutputStream stream)
{
    auto& place = tasks_[id].streams[index_of(stream)];
    if (!place)
        place.emplace(std::min(limits_.max_output, bounds_.max_output().value_or(limits_.max_output)));
    return *place;
}

KeptOutput::Stream* KeptOutput::find(Key const& key)
{
    auto const found = tasks_.find(key.id);
    if (found == tasks_.end()) return nullptr;
    auto& stream = found->second.streams[index_of(key.stream)];
    return stream ? &*stream : nullptr;
}

void KeptOutput::put(TaskId id, OutputStream stream, std::string_view text)
{
    if (text.empty()) return;
    auto& place = stream_of(id, stream);
    keep({id, stream}, place, place.cut.put(text));
}

bool KeptOutput::end(TaskId id)
{
    auto const found = tasks_.find(id);
    if (found == tasks_.end()) return false;
    found->second.has_ended = true;
    bool is_cut = false;
    for (auto const stream : output_streams) {
        auto* const place = find({id, stream});
        if (!place) continue;
        keep({id, stream}, *place, place->cut.finish());
        if (place->left_out > 0) add_chunks(*place, cut_line(std::exchange(place->left_out, 0)));
        is_cut = is_cut || place->is_cut || place->cut.is_cut();
        send_all({id, stream}, *place);
    }
    // In the journal before the task's result: a result without its output would not say that it is cut.
    std::vector<OutputPlace> places;
    collect_unwritten(id, found->second, places);
    write_chunks(places);
    drop_confirmed({id, OutputStream::output});
    return is_cut;
}

void KeptOutput::keep(Key const& key, Stream& stream, std::string_view text)
{
    if (text.empty()) return;
    if (kept_ + text.size() > limits_.max_kept || unwritten_ + text.size() > most_unwritten) {
        if (!stream.is_cut)
            ELVES_LOG(warning, "output.left_out task=" << key.id.text() << " kept=" << kept_
                                                       << ": more output is unconfirmed than is kept here");
        stream.left_out += text.size();
        stream.is_cut = true;
        return;
    }
    if (stream.left_out > 0) add_chunks(stream, cut_line(std::exchange(stream.left_out, 0)));
    add_chunks(stream, text);
    make_ready(key, stream);
    send_ready();
    look_later();
    if (unwritten_ > many_unwritten) look();
}

void KeptOutput::add_chunks(Stream& stream, std::string_view text)
{
    kept_ += text.size();
    unwritten_ += text.size();
    while (!text.empty()) {
        auto* last = stream.chunks.empty() ? nullptr : &stream.chunks.back();
        bool const takes_more = last && !last->is_in_flight && !last->is_confirmed &&
                                last->disk == Chunk::Disk::no && last->size < chunk_bytes / 2;
        if (!takes_more)
            last = &stream.chunks.emplace_back(Chunk{stream.end, 0, {}, Chunk::Disk::no, false, false});
        auto const part = head_of(text, chunk_bytes - last->size);
        last->data.append(part);
        last->size += part.size();
        stream.end += part.size();
        text.remove_prefix(part.size());
    }
}

void KeptOutput::link_up(std::shared_ptr<Peer> server)
{
    link_down();
    server_ = std::move(server);
    ++link_;
    for (auto& [id, printed] : tasks_) {
        for (auto const stream : output_streams) {
            auto* const place = find({id, stream});
            if (!place) continue;
            for (auto& chunk : place->chunks) chunk.is_in_flight = false;
            place->wait = {};
            place->retry.stop();
            make_ready({id, stream}, *place);
        }
    }
    send_ready();
}

void KeptOutput::link_down()
{
    server_.reset();
    in_flight_ = 0;
    for (auto const& key : std::exchange(ready_, {})) {
        if (auto* const stream = find(key)) stream->is_ready = false;
    }
}

void KeptOutput::stop() { look(); }

void KeptOutput::make_ready(Key const& key, Stream& stream)
{
    if (!server_ || stream.is_ready || stream.retry.running()) return;
    stream.is_ready = true;
    ready_.push_back(key);
}

/// One chunk of each stream in turn, as far as the window reaches.
void KeptOutput::send_ready()
{
    while (server_ && in_flight_ < most_in_flight && !ready_.empty()) {
        auto const key = ready_.front();
        ready_.pop_front();
        auto* const stream = find(key);
        if (!stream) continue;
        stream->is_ready = false;
        auto const next = std::find_if(stream->chunks.begin(), stream->chunks.end(),
            [](Chunk const& chunk) { return !chunk.is_in_flight && !chunk.is_confirmed; });
        if (next == stream->chunks.end()) continue;
        send_chunk(key, *next);
        make_ready(key, *stream);
    }
}

/// Of a worker that has ended: its output reaches the server before its result.
void KeptOutput::send_all(Key const& key, Stream& stream)
{
    if (!server_ || stream.retry.running()) return;
    for (auto& chunk : stream.chunks) {
        if (in_flight_ >= most_at_end) return make_ready(key, stream);
        if (!chunk.is_in_flight && !chunk.is_confirmed) send_chunk(key, chunk);
    }
}

void KeptOutput::send_chunk(Key const& key, Chunk& chunk)
{
    chunk.is_in_flight = true;
    in_flight_ += chunk.size;
    OutputPlace const place{key.id, key.stream, chunk.at};
    asio::co_spawn(loop_, deliver(place, chunk.data, server_),
        [this, place, size = chunk.size, link = link_](std::exception_ptr const& escaped, Answer answer) {
            // Later: whoever sends walks through the chunks.
            auto const outcome = escaped ? Answer::failed : answer;
            asio::post(loop_, [this, place, size, outcome, link] { delivered(place, size, outcome, link); });
        });
}

asio::awaitable<KeptOutput::Answer> KeptOutput::deliver(
    OutputPlace place, std::string data, std::shared_ptr<Peer> server)
{
    // An older server takes every piece for standard output. The report has the end of stderr, too.
    if (place.stream == OutputStream::errors && !bounds_.max_output()) co_return Answer::confirmed;
    try {
        if (data.empty()) data = co_await journal_.output(place);
        std::string_view rest(data);
        while (!rest.empty()) {
            auto piece = head_that_fits(rest, text_room(bounds_.max_frame()));
            if (piece.empty()) piece = rest;
            json::object fields{{"id", place.id.text()}, {"offset", place.at},
                {"stream", stream_text(place.stream)}, {"data", piece}};
            auto const back = co_await server->call("tasklog", "output", fields, answer_limit);
            if (!back.flag) {
                ELVES_LOG(debug, "output of task " << place.id.text() << " was refused: " << back.error_info);
                bool const is_temporary = has_code(back.error_info, codes::too_much) ||
                                          has_code(back.error_info, codes::store_cannot_write) ||
                                          has_code(back.error_info, codes::shutting_down) ||
                                          has_code(back.error_info, codes::internal);
                if (is_temporary) co_return Answer::failed;
                co_return has_code(back.error_info, codes::no_task) ? Answer::unknown : Answer::refused;
            }
            place.at += piece.size();
            rest.remove_prefix(piece.size());
        }
        co_return Answer::confirmed;
    } catch (std::exception const& problem) {
        ELVES_LOG(debug, "output of task " << place.id.text() << " was not confirmed: " << problem.what());
        bounds_.link_failed(problem.what());
        co_return Answer::failed;
    }
}

void KeptOutput::delivered(OutputPlace place, std::size_t size, Answer answer, std::uint64_t link)
{
    Key const key{place.id, place.stream};
    bool const is_of_this_link = link == link_ && server_;
    if (is_of_this_link) in_flight_ -= std::min(in_flight_, size);
    auto* const stream = find(key);
    auto* const chunk = chunk_at(place);
    if (stream && chunk && (is_of_this_link || answer == Answer::confirmed))
        take_answer(key, *stream, *chunk, answer);
    send_ready();
}

void KeptOutput::take_answer(Key const& key, Stream& stream, Chunk& chunk, Answer answer)
{
    if (chunk.is_confirmed) return;
    chunk.is_in_flight = false;
    if (answer == Answer::confirmed || is_hopeless(key, stream, answer)) {
        chunk.is_confirmed = true;
        if (answer == Answer::confirmed) {
            stream.wait = {};
            stream.refused = 0;
        }
        forget_chunk(key, chunk);
        if (!stream.retry.running()) make_ready(key, stream);
        drop_confirmed(key);
        return;
    }
    retry_later(key, stream);
}

/// A firing of the agent's own jobs is known to the server once its result is.
bool KeptOutput::is_hopeless(Key const& key, Stream& stream, Answer answer)
{
    if (answer == Answer::failed) return false;
    bool const may_be_known_later =
        answer == Answer::unknown &&
        (!tasks_.at(key.id).has_ended || (is_unconfirmed_ && is_unconfirmed_(key.id)));
    // What was sent together is refused together: that counts once.
    if (may_be_known_later || stream.retry.running() || ++stream.refused < most_refusals) return false;
    ELVES_LOG(warning, "output.dropped task=" << key.id.text() << " stream=" << stream_text(key.stream)
                                              << ": the server does not take it");
    return true;
}

void KeptOutput::retry_later(Key const& key, Stream& stream)
{
    if (stream.retry.running()) return;
    stream.wait = std::clamp(stream.wait * 2, first_pause, longest_pause);
    stream.retry = clock_.after(stream.wait, [this, key] {
        auto* const again = find(key);
        if (!again) return;
        again->retry.stop();
        make_ready(key, *again);
        send_ready();
    });
}

void KeptOutput::forget_chunk(Key const& key, Chunk const& chunk)
{
    kept_ -= chunk.size;
    if (chunk.disk == Chunk::Disk::no) unwritten_ -= chunk.size;
    if (chunk.disk == Chunk::Disk::no) return;
    drops_.push_back({key.id, key.stream, chunk.at});
    look_later();
}

void KeptOutput::drop_confirmed(Key const& key)
{
    auto const found = tasks_.find(key.id);
    if (found == tasks_.end()) return;
    bool is_all_confirmed = true;
    for (auto& stream : found->second.streams) {
        if (!stream) continue;
        while (!stream->chunks.empty() && stream->chunks.front().is_confirmed) stream->chunks.pop_front();
        is_all_confirmed = is_all_confirmed && stream->chunks.empty();
    }
    if (is_all_confirmed && found->second.has_ended) tasks_.erase(found);
}

void KeptOutput::look_later()
{
    if (!looking_.running()) looking_ = clock_.after(write_after, [this] { look(); });
}

void KeptOutput::look()
{
    looking_.stop();
    if (!drops_.empty()) spawn(journal_.drop_output(std::exchange(drops_, {})));
    std::vector<OutputPlace> places;
    for (auto& [id, printed] : tasks_) collect_unwritten(id, printed, places);
    write_chunks(places);
}

void KeptOutput::collect_unwritten(TaskId id, Printed& printed, std::vector<OutputPlace>& places)
{
    for (auto const stream : output_streams) {
        auto& place = printed.streams[index_of(stream)];
        if (!place) continue;
        for (auto const& chunk : place->chunks) {
            if (chunk.disk == Chunk::Disk::no && !chunk.is_confirmed)
                places.push_back({id, stream, chunk.at});
        }
    }
}

void KeptOutput::write_chunks(std::vector<OutputPlace> const& places)
{
    std::vector<Journal::OutputRow> rows;
    for (auto const& place : places) {
        auto* const chunk = chunk_at(place);
        chunk->disk = Chunk::Disk::writing;
        unwritten_ -= chunk->size;
        rows.push_back({place, chunk->data});
    }
    if (!rows.empty()) spawn(write(std::move(rows)));
}

asio::awaitable<void> KeptOutput::write(std::vector<Journal::OutputRow> rows)
{
    std::vector<OutputPlace> places;
    for (auto const& row : rows) places.push_back(row.place);
    bool is_on_disk = false;
    try {
        co_await journal_.put_output(std::move(rows));
        is_on_disk = true;
    } catch (std::exception const& problem) {
        ELVES_LOG(
            warning, "what workers printed is not in the journal yet, trying again: " << problem.what());
    }
    written(places, is_on_disk);
}

void KeptOutput::written(std::vector<OutputPlace> const& places, bool is_on_disk)
{
    for (auto const& place : places) {
        auto* const chunk = chunk_at(place);
        if (!chunk || chunk->is_confirmed || chunk->disk != Chunk::Disk::writing) continue;
        chunk->disk = is_on_disk ? Chunk::Disk::yes : Chunk::Disk::no;
        if (is_on_disk) {
            // It is read again when it is sent.
            if (!chunk->is_in_flight) chunk->data = {};
        } else {
            unwritten_ += chunk->size;
            look_later();
        }
    }
}

KeptOutput::Chunk* KeptOutput::chunk_at(OutputPlace const& place)
{
    auto* const stream = find({place.id, place.stream});
    if (!stream) return nullptr;
    auto const found = std::lower_bound(stream->chunks.begin(), stream->chunks.end(), place.at,
        [](Chunk const& chunk, std::uint64_t at) { return chunk.at < at; });
    return found != stream->chunks.end() && found->at == place.at ? &*found : nullptr;
}

void KeptOutput::spawn(asio::awaitable<void> work)
{
    asio::co_spawn(loop_, std::move(work), [](std::exception_ptr const& escaped) {
        try {
            if (escaped) std::rethrow_exception(escaped);
        } catch (std::exception const& problem) {
            ELVES_LOG(warning, "output in the journal: " << problem.what());
        }
    });
}

} // namespace elves::agent
