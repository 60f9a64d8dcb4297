#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/frame_reader.hpp"
#include "core/json_reader.hpp"
#include "elves/later.hpp"
#include "elves/one_shot.hpp"
#include "elves/peer.hpp"
#include "rpc/back.hpp"
#include "rpc/link_set.hpp"
#include "rpc/link_turns.hpp"
#include "rpc/log_limit.hpp"
#include "rpc/pending_calls.hpp"
#include "rpc/remote.hpp"
#include "rpc/reply_order.hpp"
#include "rpc/socket_stream.hpp"

namespace elves {

class Router;
class TlsContext;
class TlsPipe;

/// What one connection may take of us.
struct LinkLimits {
    std::size_t max_frame = 4 * 1024 * 1024; ///< Bytes.
    /// The same before the other side has shown a key, where it needs one: room for any call that gets it
    /// one.
    std::size_t stranger_frame = 16 * 1024;
    std::size_t stranger_inflight = 8;
    std::size_t max_inflight = 1024;       ///< Calls that wait for their answer; past it we stop reading.
    std::size_t pause_bytes = 1024 * 1024; ///< Bytes queued for it; past it we stop reading.
    std::size_t close_bytes = 64 * 1024 * 1024; ///< Past it we close it: it does not read.
    /// Bytes queued for all links together, and of frames that are not whole yet. Past it a link that does
    /// not read what it is owed is not read either, and a long frame that is not whole is refused.
    std::size_t all_bytes = 256 * 1024 * 1024;
};

/// From whom a server that has TLS takes plain connections, too.
enum class PlainFrom { everywhere, loopback, nowhere };

/// State shared by all connections of one event loop. Destroying it drops those that are left (see LinkSet).
struct LinkShared {
    Clock& clock;
    Router const* router = nullptr; ///< Answers the other side's calls; null: there is nothing to call here.
    LinkLimits limits{};
    std::vector<char> scratch =
        std::vector<char>(64 * 1024); ///< One read at a time: an idle link holds no buffer.
    JsonReader json{};                ///< One frame at a time: an idle link holds no values.
    void const* reader = nullptr;     ///< The link that read last.
    LinkTurns turns{};
    std::string http_port{}; ///< Where HTTP is spoken, `127.0.0.1:7789`; "" for nowhere.
    std::size_t calls = 0;   ///< Answered so far.
    std::size_t held = 0;    ///< Bytes, as `LinkLimits::all_bytes` counts them.
    /// TLS handshakes of those that dialed in, of either port.
    struct TlsHandshakes {
        std::uint64_t completed = 0;
        std::uint64_t failed = 0;
    };
    TlsHandshakes tls_handshakes{};
    /// Of those that dial in or are dialed from now on; null: they are plain.
    std::shared_ptr<TlsContext const> tls{};
    PlainFrom plain_from = PlainFrom::everywhere;
    LogLimit log{clock};
    std::string plain_text{}; ///< What one read of a TLS link says, for as long as it is handled.
    LinkSet links{};          ///< Last: dropping connections uses what is above.
};

/// One TCP or Unix connection that speaks frames, in either role: it answers the other side's calls and makes
/// our own. Its pending I/O keeps it alive; who else needs it holds a shared_ptr. On the loop's thread.
class Link final : public Peer,
                   public LinkSet::Member,
                   public ByteStream::User,
                   public std::enable_shared_from_this<Link> {
public:
    /// The length, bytes, that a frame would have which begins as TLS does: with TLS, frames are shorter.
    static constexpr std::size_t tls_sized_frame = 0x16000000;

    using Socket = SocketStream::Socket;

    /// `socket` is connected with `remote`. Asking the socket would be too late: it knows no more once the
    /// other side has gone, and what that has sent is still read.
    Link(Socket socket, Remote remote, LinkShared& shared);
    /// Over another stream that is connected with `remote`, on `loop`.
    Link(std::unique_ptr<ByteStream> stream, LoopExecutor loop, Remote remote, LinkShared& shared);
    ~Link() override;
    /// Begins to read, on the side that was dialed: in TLS where the other side begins with it and we have
    /// it. Once, before anything else.
    void start();
    /// The same on the side that dialed `host`. Returns when calls can be made; throws Error 410.1 where TLS
    /// is wanted and can't be had, or the other side isn't who it should be.
    [[nodiscard]] asio::awaitable<void> start_to(std::string host, std::chrono::milliseconds limit);
    /// Says why and closes, instead of `start`.
    void refuse(Error const& error);

    [[nodiscard]] asio::awaitable<Back> call(std::string_view service, std::string_view method,
        json::object const& fields, std::chrono::milliseconds limit) override;
    void call(std::string_view service, std::string_view method, std::string_view members,
        std::chrono::milliseconds limit, OnBack then) override;
    void cast(std::string_view service, std::string_view method, json::object const& fields) override;
    void close(std::string_view why) override;
    [[nodiscard]] bool is_open() const noexcept override { return state_ == State::open; }
    void on_close(std::function<void()> then) override;
    [[nodiscard]] Clock::Steady last_heard() const noexcept override { return last_heard_; }
    void keep_when_idle() override { kept_when_idle_ = true; }
    [[nodiscard]] Ip ip() const override { return ip_; }
    [[nodiscard]] std::string const& address() const noexcept override { return address_; }
    [[nodiscard]] BoundKey const& bound_key() const noexcept override { return bound_key_; }
    void bind_key(BoundKey key) override { bound_key_ = std::move(key); }
    void grant_authority() noexcept override { proven_ = last_heard_; }
    [[nodiscard]] std::shared_ptr<Key const> certified() const override { return certified_; }
    /// This end's address; nothing for a Unix socket, or where it is closed.
    [[nodiscard]] std::optional<Ip> local_ip() const { return stream_->local_ip(); }

    void drop() noexcept override;

    void on_readable(ByteStream::Failure const& failure) override;
    void on_writable(ByteStream::Failure const& failure) override;

    /// Handles what has come, and no more of it than one turn may take.
    void handle_frames();
    [[nodiscard]] bool handle_each_frame();
    [[nodiscard]] bool refuse_fault();
    /// For one that is quiet: keeps no buffer for what it may have to write next.
    void give_back_memory();

    /// Bytes that its buffers for writing take, full or empty.
    [[nodiscard]] std::size_t buffers() const noexcept { return outbox_.capacity() + sending_.capacity(); }
    /// Nothing under way in either direction, and nobody said `keep_when_idle`.
    [[nodiscard]] bool is_idle() const noexcept;
    /// It has begun with TLS, and is not through with it.
    [[nodiscard]] bool is_shaking_hands() const noexcept;
    [[nodiscard]] Clock::Steady opened() const noexcept { return opened_; }
    /// Over a Unix socket.
    [[nodiscard]] bool is_local() const noexcept { return is_local_; }
    /// Calls of the other side that wait for their answer.
    [[nodiscard]] std::size_t inflight() const noexcept { return inflight_; }

private:
    /// `ending`: no more is read; what is under way is answered and written, then it is `closed`.
    enum class State { open, ending, closed };
    /// For what its reading waits.
    enum class Reads {
        turn,  ///< It has its turn, or frames are left for the next.
        bytes, ///< Something to read.
        write, ///< Its answers are written first.
        room,  ///< It is full.
    };
    /// Of the frames that are being handled.
    enum class Turn { none, silent, answered };

    void wait_readable();
    void read_on_later();
    void read_on();
    void read_some();
    [[nodiscard]] bool choose_tls(std::string_view first);
    void read_tls(std::string_view wire);
    void tls_is_ready();
    void fail_tls();
    void limit_certificate();
    void handle_frame(std::string_view text);
    void handle_request(JsonValue const& call);
    void handle_back(JsonValue const& back);
    void refused(JsonValue const& back);
    void answer_later(Envelope const& envelope, asio::awaitable<Outcome> work);
    void answer_later(Envelope const& envelope, Later<Outcome> const& work);
    [[nodiscard]] std::uint64_t place_of(Envelope const& envelope);
    void arrive(ReplyTo const& to, std::uint64_t place, Outcome const& outcome);
    void answer(ReplyTo const& to, std::uint64_t place, Outcome const& outcome);
    void answer_now(Envelope const& envelope, Outcome const& outcome);
    void refuse_frame(Error const& error);
    void note_refusal(Outcome const& outcome);
    void refuse_garbage(Error const& error);
    void refuse_too_large();
    [[nodiscard]] bool has_authority() const;
    [[nodiscard]] bool is_too_costly(std::string_view text) const;
    [[nodiscard]] bool has_raised_limit();
    [[nodiscard]] std::size_t stranger_frame() const noexcept;
    [[nodiscard]] std::size_t owed() const noexcept
    {
        return outbox_.size() + sending_.size() + order_.held() + tls_unsent();
    }
    [[nodiscard]] std::size_t tls_unsent() const noexcept;
    [[nodiscard]] bool memory_is_short() const noexcept { return shared_.held > shared_.limits.all_bytes; }
    void weigh() noexcept;
    void release_memory() noexcept;
    [[nodiscard]] bool is_full() const;
    void resume_if_room();
    void go_on_later();
    void end_with(Error const& refusal, std::string_view why);

    void written();
    void write_later();
    void write_some();
    [[nodiscard]] bool fill_sending();
    void say_goodbye();
    void end(std::string_view why);
    void limit_ending();
    void end_if_done();
    void shut();

    LinkShared& shared_;
    LoopExecutor loop_;
    std::unique_ptr<ByteStream> stream_;
    FrameReader reader_;
    std::unique_ptr<TlsPipe> tls_; ///< Null: plain.
    /// Set while `start_to` waits for TLS: why it can't be had; "" when it is there.
    std::optional<OneShot<std::string>> ready_;
    bool dialed_ = false; ///< By us.
    bool heard_ = false;
    ReplyOrder order_;
    std::string outbox_;
    std::string sending_;
    std::size_t sent_ = 0; ///< Bytes of `sending_` that are written.
    std::size_t held_ = 0; ///< Our part of `LinkShared::held`.
    bool drain_posted_ = false;
    Turn turn_ = Turn::none;
    bool writing_ = false;
    Reads reads_ = Reads::turn;
    State state_ = State::open;
    std::size_t inflight_ = 0;
    PendingCalls pending_;
    std::vector<std::function<void()>> on_close_;
    Timer closing_;
    Clock::Steady opened_;
    Clock::Steady last_heard_;
    std::optional<Clock::Steady> proven_; ///< When a call last brought a key that counted.
    bool kept_when_idle_ = false;
    Ip ip_;
    std::string address_;
    bool is_local_;
    BoundKey bound_key_;
    std::shared_ptr<Key const> certified_;
    Timer certificate_ends_;
};

} // namespace elves
