#include "rpc/link.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "elves/assert.hpp"
#include "elves/caller.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "rpc/frame_json.hpp"
#include "rpc/http_hint.hpp"
#include "rpc/router.hpp"
#include "rpc/tls_context.hpp"
#include "rpc/tls_pipe.hpp"

namespace elves {

namespace {

using boost::system::error_code;

/// How long a closing connection may take to read what it is owed.
constexpr std::chrono::seconds closing_time{5};
// Places of answers in the order of replies, where they have none.
constexpr auto nowhere = static_cast<std::uint64_t>(-1);    ///< It goes out when it is there.
constexpr auto unanswered = static_cast<std::uint64_t>(-2); ///< A cast's.
/// What is handled for one link before others have their turn: who asks for much must not keep them waiting.
constexpr std::size_t frames_a_turn = 256;
constexpr std::size_t bytes_a_turn = 16 * 1024;
/// A larger buffer is given back once it is written, a smaller one when the link is quiet.
constexpr std::size_t most_kept = 64 * 1024;
/// While memory is short a link reads, and holds of a frame that is not whole, no more than this.
constexpr std::size_t short_read = 4096;
/// For so long a key that came with one call counts for the limits of those that follow, unless it is
/// refused.
constexpr std::chrono::minutes proof_counts{10};

/// An agent's certificate is as good as a key for its addresses.
Key certified_key(TlsPeer peer)
{
    Key key;
    key.key = "certificate:" + peer.name;
    key.name = std::move(peer.name);
    key.role = Role::agent;
    key.apps = {"*"};
    key.expires = peer.until;
    std::vector<IpRange> ips;
    for (auto const& ip : peer.ips) ips.push_back(*IpRange::parse(ip.text()));
    key.ips = std::move(ips);
    return key;
}

std::unique_ptr<ByteStream> socket_stream(Link::Socket& socket, bool is_tcp)
{
    return std::make_unique<SocketStream>(std::move(socket), is_tcp);
}

bool is_try_again(error_code const& failure)
{
    return failure == asio::error::would_block || failure == asio::error::try_again;
}

} // namespace

Link::Link(Socket socket, Remote remote, LinkShared& shared)
    : Link(socket_stream(socket, !remote.is_local), socket.get_executor(), std::move(remote), shared)
{
}

Link::Link(std::unique_ptr<ByteStream> stream, LoopExecutor loop, Remote remote, LinkShared& shared)
    : shared_(shared)
    , loop_(std::move(loop))
    , stream_(std::move(stream))
    , reader_(std::min(shared.limits.max_frame, shared.limits.stranger_frame))
    , opened_(shared.clock.steady())
    , last_heard_(opened_)
    , ip_(remote.ip)
    , address_(std::move(remote.address))
    , is_local_(remote.is_local)
    , certified_(std::move(remote.identity))
{
    shared_.links.add(*this);
}

Link::~Link()
{
    if (is_linked()) release_memory();
}

void Link::drop() noexcept
{
    auto const self = weak_from_this().lock(); // what is dropped may be its last owner
    state_ = State::closed;
    release_memory();
    closing_.stop();
    certificate_ends_.stop();
    pending_.drop();
    auto const listeners = std::exchange(on_close_, {});
    stream_->close();
}

void Link::release_memory() noexcept
{
    ELVES_ASSERT(held_ <= shared_.held, "a connection gives back more memory than all hold");
    shared_.held -= std::exchange(held_, 0);
}

void Link::start() { wait_readable(); }

asio::awaitable<void> Link::start_to(std::string host, std::chrono::milliseconds limit)
{
    auto const self = shared_from_this();
    heard_ = true; // it was us who began
    dialed_ = true;
    if (!shared_.tls) {
        wait_readable();
        co_return;
    }
    tls_ = std::make_unique<TlsPipe>(shared_.tls, host);
    write_some();
    wait_readable();
    auto const fault = co_await ready_.emplace().wait(shared_.clock, limit);
    if (fault && fault->empty()) co_return;
    close("TLS could not be had");
    throw Error(codes::agent_unreachable, fault ? *fault : "TLS: no answer in time");
}

void Link::refuse(Error const& error)
{
    refuse_frame(error);
    close(error.what());
}

void Link::wait_readable()
{
    if (reads_ == Reads::bytes || state_ != State::open) return;
    reads_ = Reads::bytes;
    stream_->wait_readable(shared_from_this());
}

void Link::on_readable(ByteStream::Failure const& failure)
{
    reads_ = Reads::turn;
    if (failure) return;
    if (kept_when_idle_ && !shared_.turns.may_read_agent(loop_))
        return shared_.turns.add(shared_from_this(), &Link::read_some, loop_);
    read_some();
}

/// After the others have had their turn: the next call may be here by then, and then neither the system nor
/// the loop has to be asked to watch for it.
void Link::read_on_later()
{
    bool const is_alone = shared_.reader == this;
    if (is_alone) return wait_readable();
    asio::post(loop_, [self = shared_from_this()] { self->read_on(); });
}

void Link::read_on()
{
    if (reads_ != Reads::write || drain_posted_) return;
    reads_ = Reads::turn;
    read_some();
}

void Link::read_some()
{
    if (state_ != State::open) return;
    error_code failure;
    auto const most = memory_is_short() || is_shaking_hands() ? short_read : shared_.scratch.size();
    auto const size = stream_->read_some({shared_.scratch.data(), most}, failure);
    if (is_try_again(failure)) return wait_readable();
    if (failure) return end(failure == asio::error::eof ? "the other side closed it" : failure.message());
    last_heard_ = shared_.clock.steady();
    shared_.reader = this;
    std::string_view const bytes(shared_.scratch.data(), size);
    if (!heard_ && !choose_tls(bytes)) return;
    if (tls_) return read_tls(bytes);
    reader_.put(bytes);
    handle_frames();
}

/// By its first byte: as the first of a frame's length, TLS's would begin one of 369 MB. False where the
/// connection is refused.
bool Link::choose_tls(std::string_view first)
{
    constexpr char tls_handshake = 0x16;
    heard_ = true;
    bool const is_tls = first.front() == tls_handshake && shared_.limits.max_frame < tls_sized_frame;
    if (is_tls && !shared_.tls) {
        if (shared_.log.admits("tls.not_configured", ip_))
            ELVES_LOG(warning, "tls.not_configured peer=" << address_ << ": [tls] cert and key are not set");
        end("it speaks TLS, and we have no certificate");
        return false;
    }
    if (is_tls && memory_is_short()) {
        end("memory is short"); // a handshake would take more
        return false;
    }
    if (is_tls) {
        tls_ = std::make_unique<TlsPipe>(shared_.tls);
        return true;
    }
    bool const may_be_plain = !shared_.tls || is_local_ || shared_.plain_from == PlainFrom::everywhere ||
                              (shared_.plain_from == PlainFrom::loopback && ip_.is_loopback());
    if (may_be_plain) return true;
    refuse(Error(codes::forbidden, "this server wants TLS from you; give --tls-ca or --tls-pin to elvesctl, "
                                   "[tls] ca or pin to an agent"));
    return false;
}

void Link::read_tls(std::string_view wire)
{
    auto& text = shared_.plain_text;
    bool const was_ready = tls_->is_ready();
    tls_->receive(wire, text);
    if (!was_ready && tls_->is_ready()) tls_is_ready();
    written();
    if (!tls_->fault().empty()) {
        write_some(); // the other side is told why
        return fail_tls();
    }
    if (state_ == State::closed) return;
    reader_.put(text);
    handle_frames();
    if (tls_->is_finished()) end("the other side closed it");
}

void Link::fail_tls()
{
    if (state_ == State::closed) return;
    auto const& fault = tls_->fault();
    if (shared_.log.admits("tls.failed", ip_))
        ELVES_LOG(warning, "tls.failed peer=" << address_ << ": " << fault);
    end(fault);
    shut();
}

void Link::tls_is_ready()
{
    if (ready_) ready_->set("");
    auto peer = tls_->peer();
    if (tls_->is_server()) ++shared_.tls_handshakes.completed;
    if (!tls_->is_server() || peer.name.empty()) return;
    certified_ = std::make_shared<Key const>(certified_key(std::move(peer)));
    limit_certificate();
}

void Link::limit_certificate()
{
    auto const left = *certified_->expires - shared_.clock.now();
    if (left.count() <= 0) return close("its certificate has expired");
    constexpr std::chrono::milliseconds longest_look = std::chrono::hours(1); // the time of day may jump
    certificate_ends_ = shared_.clock.after(std::min(left, longest_look), [weak = weak_from_this()] {
        if (auto const self = weak.lock()) self->limit_certificate();
    });
}

/// What these frames are answered with at once leaves at their end, in one write.
void Link::handle_frames()
{
    turn_ = Turn::silent;
    bool const is_interrupted = !handle_each_frame();
    bool const is_answered = std::exchange(turn_, Turn::none) == Turn::answered;
    weigh();
    if (is_interrupted) {
        if (is_answered) write_later();
        return;
    }
    if (state_ == State::closed || (state_ == State::open && refuse_fault())) return;
    if (!is_answered && !drain_posted_) return wait_readable();
    reads_ = Reads::write;
    if (drain_posted_) return;
    if (!writing_) write_some();
    read_on_later();
}

/// False: there may be more, for which there is no room or no time now.
bool Link::handle_each_frame()
{
    auto const share = outbox_.size() + bytes_a_turn;
    for (std::size_t frames = 0; state_ == State::open; ++frames) {
        if (is_full()) {
            reader_.hold();
            reads_ = Reads::room;
            return false;
        }
        if (frames == frames_a_turn || outbox_.size() > share) {
            go_on_later();
            return false;
        }
        auto const text = reader_.next();
        if (!text && has_raised_limit()) continue;
        if (!text) break;
        bool const was_large = text->size() > stranger_frame();
        handle_frame(*text);
        if (was_large) reader_.set_limit(stranger_frame()); // the next large one is judged anew
    }
    return true;
}

/// Whether the connection ends for what it has sent so far.
bool Link::refuse_fault()
{
    if (reader_.fault() == FrameFault::empty) {
        end_with(Error(codes::bad_frame, "a frame of length 0; give 1 to server.max_frame bytes of JSON"),
            "it sent a frame of length 0");
        return true;
    }
    if (reader_.fault() == FrameFault::too_large) {
        refuse_too_large();
        return true;
    }
    if (!memory_is_short() || reader_.held() <= short_read) return false;
    if (shared_.log.admits("memory.short", ip_))
        ELVES_LOG(warning, "memory.short peer=" << address_
                                                << ": all connections together hold more than "
                                                   "[server] all_bytes; closing this one");
    end_with(Error(codes::too_much, "the server has too much to keep; try again later"), "memory is short");
    return true;
}

void Link::go_on_later()
{
    reads_ = Reads::turn;
    reader_.hold();
    weigh();
    shared_.turns.add(shared_from_this(), &Link::handle_frames, loop_);
}

void Link::end_with(Error const& refusal, std::string_view why)
{
    refuse_frame(refusal);
    end(why);
}

/// Parsing a value costs some fifty times what a byte of a string costs, and a stranger's call needs few of
/// them. Whoever shows a key may send more in the same frame; if the key is wrong, the throttle of failed
/// logins bounds it.
bool Link::is_too_costly(std::string_view text) const
{
    constexpr std::size_t most_values = 256;
    if (text.size() < most_values || has_authority()) return false;
    std::size_t commas = 0;
    std::size_t openings = 0;
    for (auto const c : text) {
        commas += c == ',';
        openings += c == '[' || c == '{';
    }
    // A text has at least as many values as the larger of both.
    return std::max(commas, openings) > most_values && text.find("\"auth\"") == std::string_view::npos;
}

void Link::handle_frame(std::string_view text)
{
    if (is_too_costly(text)) {
        return refuse_garbage(Error(codes::bad_frame, "the frame has more than 256 JSON values, the limit "
                                                      "until a key was shown; call supervisor.login first"));
    }
    auto const frame = read_frame(shared_.json, text);
    if (auto const* const error = std::get_if<Error>(&frame)) return refuse_garbage(*error);
    handle_request(*std::get<JsonValue const*>(frame));
}

void Link::handle_request(JsonValue const& call)
{
    auto const envelope = Envelope::of(call);
    if (envelope.mqt == Mqt::back) return handle_back(call);
    if (!shared_.router) {
        return answer_now(
            envelope, {{}, Error(codes::no_service, "there is nothing to call on this side").info()});
    }
    ++shared_.calls;
    auto result = shared_.router->run(envelope, call, shared_from_this());
    if (auto const* const outcome = std::get_if<Outcome>(&result)) return answer_now(envelope, *outcome);
    if (auto const* const later = std::get_if<Later<Outcome>>(&result)) return answer_later(envelope, *later);
    answer_later(envelope, std::get<asio::awaitable<Outcome>>(std::move(result)));
}

void Link::answer_now(Envelope const& envelope, Outcome const& outcome)
{
    note_refusal(outcome);
    if (envelope.mqt != Mqt::call) {
        if (!outcome.error_info.empty())
            ELVES_LOG(debug, "a cast from " << address_ << " came to nothing: " << outcome.error_info);
        return;
    }
    if (envelope.mqid || order_.free()) {
        append_back(outbox_, envelope, outcome, shared_.limits.max_frame);
    } else {
        std::string frame;
        append_back(frame, envelope, outcome, shared_.limits.max_frame);
        order_.fill(order_.take_place(), std::move(frame), outbox_);
    }
    written();
}

void Link::answer_later(Envelope const& envelope, asio::awaitable<Outcome> work)
{
    ++inflight_;
    asio::co_spawn(loop_, std::move(work),
        [self = shared_from_this(), place = place_of(envelope), to = ReplyTo::of(envelope)](
            std::exception_ptr const& failure, Outcome const& outcome) {
            if (failure) ELVES_LOG(error, "an answer for " << self->address_ << " was lost by an exception");
            self->arrive(to, place, outcome);
        });
}

void Link::answer_later(Envelope const& envelope, Later<Outcome> const& work)
{
    ++inflight_;
    work.then([self = shared_from_this(), place = place_of(envelope), to = ReplyTo::of(envelope)](
                  std::exception_ptr const&, Outcome const& outcome) { self->arrive(to, place, outcome); });
}

std::uint64_t Link::place_of(Envelope const& envelope)
{
    if (envelope.mqt != Mqt::call) return unanswered;
    return envelope.mqid ? nowhere : order_.take_place();
}

void Link::arrive(ReplyTo const& to, std::uint64_t place, Outcome const& outcome)
{
    ELVES_ASSERT(inflight_ > 0, "an answer to a call that is not in flight");
    --inflight_;
    if (place != unanswered) answer(to, place, outcome);
    // In a turn of its own: this one may belong to the frame of another connection.
    if (reads_ == Reads::room && state_ == State::open && !is_full()) go_on_later();
    end_if_done();
}

/// A key that is refused now is no proof any more.
void Link::note_refusal(Outcome const& outcome)
{
    if (outcome.code == codes::wrong_key.text) proven_.reset();
}

void Link::answer(ReplyTo const& to, std::uint64_t place, Outcome const& outcome)
{
    note_refusal(outcome);
    if (state_ == State::closed) return;
    if (place == nowhere) {
        append_back(outbox_, to, outcome, shared_.limits.max_frame);
    } else {
        std::string frame;
        append_back(frame, to, outcome, shared_.limits.max_frame);
        order_.fill(place, std::move(frame), outbox_);
    }
    written();
}

/// The framing is still in step after a frame that is not a JSON object, but a stranger gets no second try.
void Link::refuse_garbage(Error const& error)
{
    refuse_frame(error);
    if (!has_authority()) end("it sent what is not a JSON object, and has shown no key");
}

void Link::refuse_too_large()
{
    if (begins_like_http(reader_.rest())) {
        outbox_ += http_hint(shared_.http_port);
        written();
        return end("it speaks HTTP, which this port does not");
    }
    auto const limit = std::to_string(reader_.limit());
    if (reader_.limit() < shared_.limits.max_frame) {
        return end_with(Error(codes::frame_too_large, "the frame is over " + limit +
                                                          " bytes, the limit until a key was shown; call "
                                                          "supervisor.login first"),
            "it sent a frame over the limit of strangers");
    }
    end_with(Error(codes::frame_too_large, "a frame over server.max_frame; give at most " + limit + " bytes"),
        "it sent a frame over max_frame");
}

/// Whether the other side may use the limits of those that are known: we dialed it, it has shown a key or a
/// certificate that counts now, or it needs none. Asked only where it matters, and each time: a key may be
/// deleted, and the settings may change.
bool Link::has_authority() const
{
    return dialed_ || !shared_.router || (proven_ && last_heard_ - *proven_ < proof_counts) ||
           !shared_.router->is_stranger(*this);
}

std::size_t Link::stranger_frame() const noexcept
{
    return std::min(shared_.limits.max_frame, shared_.limits.stranger_frame);
}

/// After a frame over the limit of strangers by one that is no stranger any more.
bool Link::has_raised_limit()
{
    auto const limit = shared_.limits.max_frame;
    if (reader_.fault() != FrameFault::too_large || reader_.limit() >= limit || !has_authority())
        return false;
    reader_.set_limit(limit);
    return true;
}

void Link::refuse_frame(Error const& error) { answer_now(Envelope{}, Outcome{{}, error.info()}); }

void Link::handle_back(JsonValue const& back)
{
    auto const* const mqid = back.find("mqid");
    mqid && mqid->is_int64() ? pending_.settle(mqid->int64(), back) : refused(back);
}

/// What fits no call is said of the connection: it is refused, and this is why.
void Link::refused(JsonValue const& back)
{
    auto const* const info = back.find("error_info");
    if (dialed_ && info && info->is_string()) end(info->string());
}

asio::awaitable<Back> Link::call(std::string_view service, std::string_view method,
    json::object const& fields, std::chrono::milliseconds limit)
{
    if (state_ != State::open) throw Error(codes::agent_unreachable, "the connection is closed");
    auto const mqid = pending_.next_mqid();
    append_request(outbox_, service, method, mqid, fields);
    written();
    if (state_ != State::open)
        throw Error(codes::agent_unreachable,
            "the connection is closed: too much waits to be read by the other side");
    // Not a coroutine itself: thousands wait here, and need no more than this.
    auto initiation = [self = shared_from_this(), mqid, limit](auto handler) {
        // Through the loop: whoever waits goes on from there, not from within a frame's handling.
        PendingCalls::OnBack then([executor = self->loop_, handler = std::move(handler)](
                                      std::exception_ptr failure, Back back) mutable {
            asio::post(executor, [handler = std::move(handler), failure, back = std::move(back)]() mutable {
                std::move(handler)(failure, std::move(back));
            });
        });
        self->pending_.wait(self->shared_.clock, mqid, limit, std::move(then));
    };
    return asio::async_initiate<asio::use_awaitable_t<LoopExecutor> const, void(std::exception_ptr, Back)>(
        std::move(initiation), asio::use_awaitable);
}

void Link::call(std::string_view service, std::string_view method, std::string_view members,
    std::chrono::milliseconds limit, OnBack then)
{
    auto const mqid = pending_.next_mqid();
    if (state_ == State::open) {
        append_request(outbox_, service, method, mqid, members);
        written();
    }
    if (state_ == State::open) return pending_.wait(shared_.clock, mqid, limit, std::move(then));
    asio::post(loop_, [then = std::move(then)]() mutable {
        Error const closed(codes::agent_unreachable, "the connection is closed");
        std::move(then)(std::make_exception_ptr(closed), Back());
    });
}

void Link::cast(std::string_view service, std::string_view method, json::object const& fields)
{
    if (state_ != State::open) return;
    append_request(outbox_, service, method, 0, fields);
    written();
}

void Link::weigh() noexcept
{
    if (!is_linked()) return; // dropped: what was shared may be gone
    auto const now = owed() + reader_.held() + (tls_ ? tls_->held() : 0);
    ELVES_ASSERT(held_ <= shared_.held, "one connection holds more memory than all together");
    shared_.held += now - held_;
    held_ = now;
}

std::size_t Link::tls_unsent() const noexcept { return tls_ ? tls_->unsent() : 0; }

bool Link::is_full() const
{
    auto const& limits = shared_.limits;
    return inflight_ >= limits.max_inflight || (inflight_ >= limits.stranger_inflight && !has_authority()) ||
           owed() > limits.pause_bytes || (memory_is_short() && owed() > 0);
}

void Link::resume_if_room()
{
    if (reads_ != Reads::room || state_ != State::open || is_full()) return;
    reads_ = Reads::turn;
    handle_frames();
}

bool Link::is_shaking_hands() const noexcept { return tls_ && !tls_->is_ready(); }

bool Link::is_idle() const noexcept
{
    return !kept_when_idle_ && inflight_ == 0 && pending_.empty() && outbox_.empty() && sending_.empty();
}

void Link::written()
{
    if (state_ == State::closed) return;
    weigh();
    if (outbox_.size() > shared_.limits.close_bytes) {
        if (shared_.log.admits("connection.slow_reader", ip_))
            ELVES_LOG(
                warning, "connection.slow_reader peer=" << address_ << " unread_bytes=" << outbox_.size()
                                                        << ": it does not read its replies; closing it");
        return shut();
    }
    if (turn_ != Turn::none) {
        turn_ = Turn::answered;
        return;
    }
    write_later();
}

/// Once a turn: everything that this turn adds leaves in one write.
void Link::write_later()
{
    if (drain_posted_ || writing_) return;
    drain_posted_ = true;
    asio::post(loop_, [self = shared_from_this()] {
        self->drain_posted_ = false;
        self->write_some();
        if (self->reads_ == Reads::write) self->read_on_later();
    });
}

void Link::write_some()
{
    while (state_ != State::closed && (sent_ < sending_.size() || fill_sending())) {
        error_code failure;
        sent_ += stream_->write_some(std::string_view(sending_).substr(sent_), failure);
        ELVES_ASSERT(sent_ <= sending_.size(), "more was written than there is");
        if (is_try_again(failure)) {
            writing_ = true;
            return stream_->wait_writable(shared_from_this());
        }
        if (failure) {
            end(failure.message());
            return shut();
        }
    }
    sent_ = 0;
    std::string().swap(sending_);
    if (tls_ && !tls_->fault().empty()) return fail_tls();
    if (outbox_.capacity() > most_kept) give_back_memory();
    weigh();
    resume_if_room();
    end_if_done();
}

void Link::on_writable(ByteStream::Failure const& failure)
{
    writing_ = false;
    if (!failure) write_some();
}

void Link::give_back_memory()
{
    if (outbox_.empty()) std::string().swap(outbox_);
}

/// Takes up what is to be written next; false where there is nothing.
bool Link::fill_sending()
{
    sending_.clear();
    sent_ = 0;
    if (!tls_) {
        sending_.swap(outbox_);
    } else {
        bool const has_failed = tls_->is_ready() && !tls_->send(outbox_);
        if (tls_->is_ready()) std::string().swap(outbox_);
        tls_->to_wire(sending_);
        if (has_failed) end(tls_->fault()); // after what tells the other side why
    }
    return !sending_.empty();
}

void Link::on_close(std::function<void()> then)
{
    if (state_ == State::open) {
        on_close_.push_back(std::move(then));
    } else {
        asio::post(loop_, std::move(then));
    }
}

void Link::close(std::string_view why)
{
    // A close from our side waits for no answers: only for what is written already.
    end(why);
    inflight_ == 0 ? end_if_done() : written();
}

void Link::end(std::string_view why)
{
    if (state_ != State::open) return;
    if (is_shaking_hands() && tls_->is_server()) ++shared_.tls_handshakes.failed;
    state_ = State::ending;
    ELVES_LOG(debug, "link " << address_ << " ends: " << why);
    if (ready_) ready_->set(std::string(why));
    pending_.fail_all(why);
    auto const listeners = std::exchange(on_close_, {});
    for (auto const& then : listeners) asio::post(loop_, then);
    limit_ending();
    end_if_done();
}

void Link::limit_ending()
{
    closing_ = shared_.clock.after(closing_time, [weak = weak_from_this()] {
        auto const self = weak.lock();
        if (!self || self->state_ != State::ending) return;
        // What is still being answered has a limit of its own.
        self->inflight_ == 0 ? self->shut() : self->limit_ending();
    });
}

void Link::end_if_done()
{
    if (state_ == State::ending && inflight_ == 0 && outbox_.empty() && sending_.empty()) shut();
}

void Link::shut()
{
    if (state_ == State::closed) return;
    end("closed");
    state_ = State::closed;
    closing_.stop();
    say_goodbye();
    stream_->close();
    outbox_.clear();
    sending_.clear();
    sent_ = 0;
    weigh();
}

/// In TLS the other side can tell an end from a cut only by this.
void Link::say_goodbye()
{
    if (!tls_ || sent_ < sending_.size()) return;
    tls_->finish();
    std::string last;
    tls_->to_wire(last);
    error_code ignored;
    if (!last.empty()) static_cast<void>(stream_->write_some(last, ignored));
}

} // namespace elves
