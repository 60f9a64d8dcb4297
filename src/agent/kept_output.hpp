#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/head_and_tail.hpp"
#include "agent/journal.hpp"
#include "agent/server_bounds.hpp"
#include "elves/clock.hpp"
#include "elves/peer.hpp"

namespace elves::agent {

/// Delivers what workers print to the server, and keeps it until the server has confirmed that it is on disk:
/// in memory, and from a second after it was printed, or from the end of its worker on, in the journal. Sends
/// it again on the next link and after a restart. Of each stream at most `max_output` bytes are sent, its
/// head and its tail (HeadAndTail); of what is unconfirmed at most `max_kept` bytes are kept. What is left
/// out is said in the output by a line, and the task's result is marked. A task that prints nothing costs
/// nothing. On the loop's thread; outlives what it spawns there.
class KeptOutput {
public:
    struct Limits {
        std::size_t max_output = std::size_t{1024} * 1024;     ///< Bytes of each stream of a task.
        std::size_t max_kept = std::size_t{256} * 1024 * 1024; ///< Bytes of all tasks together.
    };
    /// Whether the server has not confirmed a task's result yet.
    using IsUnconfirmed = std::function<bool(TaskId)>;

    KeptOutput(LoopExecutor loop, Clock& clock, Journal& journal, ServerBounds& bounds, Limits limits);

    void ask_unconfirmed(IsUnconfirmed is_unconfirmed) { is_unconfirmed_ = std::move(is_unconfirmed); }
    /// Goes on with what the journal has.
    void start(std::vector<Journal::KeptPiece> const& kept);
    /// Whole characters of UTF-8.
    void put(TaskId id, OutputStream stream, std::string_view text);
    /// Its worker has ended, and nothing more is put. True: something of its output was left out.
    [[nodiscard]] bool end(TaskId id);
    void link_up(std::shared_ptr<Peer> server);
    void link_down();
    /// Writes to the journal what is only in memory. The store's end waits for that.
    void stop();
    /// Bytes that the server has not confirmed.
    [[nodiscard]] std::size_t unconfirmed() const { return kept_; }

private:
    /// A part of a stream that is not confirmed.
    struct Chunk {
        enum class Disk { no, writing, yes };
        std::uint64_t at = 0;
        std::size_t size = 0;
        std::string data; ///< Empty: it is only on disk.
        Disk disk = Disk::no;
        bool is_in_flight = false;
        bool is_confirmed = false;
    };
    struct Stream {
        explicit Stream(std::size_t most) : cut(most) {}
        HeadAndTail cut;
        std::deque<Chunk> chunks;
        std::uint64_t end = 0;      ///< Where what comes next begins.
        std::uint64_t left_out = 0; ///< For want of room, since the last line that said so.
        bool is_cut = false;
        bool is_ready = false; ///< It is in `ready_`.
        int refused = 0;
        std::chrono::milliseconds wait{0};
        Timer retry;
    };
    struct Printed {
        std::array<std::optional<Stream>, 2> streams;
        bool has_ended = false;
    };
    struct Key {
        TaskId id;
        OutputStream stream;
    };
    enum class Answer { confirmed, failed, unknown, refused };

    [[nodiscard]] Stream& stream_of(TaskId id, OutputStream stream);
    [[nodiscard]] Stream* find(Key const& key);
    void keep(Key const& key, Stream& stream, std::string_view text);
    void add_chunks(Stream& stream, std::string_view text);
    void make_ready(Key const& key, Stream& stream);
    void send_ready();
    void send_all(Key const& key, Stream& stream);
    void send_chunk(Key const& key, Chunk& chunk);
    [[nodiscard]] asio::awaitable<Answer> deliver(
        OutputPlace place, std::string data, std::shared_ptr<Peer> server);
    void delivered(OutputPlace place, std::size_t size, Answer answer, std::uint64_t link);
    void take_answer(Key const& key, Stream& stream, Chunk& chunk, Answer answer);
    void retry_later(Key const& key, Stream& stream);
    [[nodiscard]] bool is_hopeless(Key const& key, Stream& stream, Answer answer);
    void drop_confirmed(Key const& key);
    void forget_chunk(Key const& key, Chunk const& chunk);
    void look_later();
    void look();
    void write_chunks(std::vector<OutputPlace> const& places);
    [[nodiscard]] asio::awaitable<void> write(std::vector<Journal::OutputRow> rows);
    void written(std::vector<OutputPlace> const& places, bool is_on_disk);
    [[nodiscard]] Chunk* chunk_at(OutputPlace const& place);
    void collect_unwritten(TaskId id, Printed& printed, std::vector<OutputPlace>& places);
    void spawn(asio::awaitable<void> work);

    LoopExecutor loop_;
    Clock& clock_;
    Journal& journal_;
    ServerBounds& bounds_;
    Limits limits_;
    IsUnconfirmed is_unconfirmed_;
    std::unordered_map<TaskId, Printed> tasks_;
    std::shared_ptr<Peer> server_;   ///< Null: there is no link.
    std::uint64_t link_ = 0;         ///< Another one for each link.
    std::deque<Key> ready_;          ///< Streams that have something to send; they take turns.
    std::size_t in_flight_ = 0;      ///< Bytes.
    std::size_t kept_ = 0;           ///< Bytes that are not confirmed.
    std::size_t unwritten_ = 0;      ///< Of those, the ones that are only in memory.
    std::vector<OutputPlace> drops_; ///< Confirmed, and still in the journal.
    Timer looking_;
};

} // namespace elves::agent
