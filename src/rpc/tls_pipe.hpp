#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/zone.hpp"
#include "rpc/tls_context.hpp"

struct ssl_st;

namespace elves {

/// Who the other side is, by its certificate.
struct TlsPeer {
    std::string name; ///< The subject's common name.
    std::vector<Ip> ips;
    Instant until{}; ///< Its certificate is good no longer.
};

/// TLS without a socket: what came from the wire goes in and comes out as text, and the other way round. One
/// connection's; on the loop's thread.
class TlsPipe {
public:
    /// The side that answers. `context` is not null, and kept: what is asked of the other side, and how it is
    /// judged, is what this was begun with.
    explicit TlsPipe(std::shared_ptr<TlsContext const> context);
    /// The side that dials `host`, a name or an address: what a certificate has to be for.
    TlsPipe(std::shared_ptr<TlsContext const> context, std::string const& host);
    ~TlsPipe();
    TlsPipe(TlsPipe const&) = delete;
    TlsPipe& operator=(TlsPipe const&) = delete;

    /// Takes all of `wire`; replaces `text` by what it says. There may be something `to_wire` now.
    void receive(std::string_view wire, std::string& text);
    /// Makes it ready for the wire. Only when `is_ready`. False where it can't go on: see `fault`.
    [[nodiscard]] bool send(std::string_view text);
    /// Appends what the other side is to get, and forgets it.
    void to_wire(std::string& wire);
    /// Tells the other side that nothing more comes.
    void finish();
    /// Bytes that wait for `to_wire`.
    [[nodiscard]] std::size_t unsent() const noexcept;
    /// Bytes that OpenSSL holds for this connection, about: of a handshake, or of a record that is not whole.
    [[nodiscard]] std::size_t held() const noexcept;

    [[nodiscard]] bool is_server() const noexcept { return context_->is_server(); }
    [[nodiscard]] bool is_ready() const noexcept { return ready_; }
    /// The other side has said that nothing more comes.
    [[nodiscard]] bool is_finished() const noexcept { return finished_; }
    /// Why it can't go on; "" while it can.
    [[nodiscard]] std::string const& fault() const noexcept { return fault_; }
    /// The other side, if it has shown a certificate that we trust.
    [[nodiscard]] TlsPeer peer() const;

    /// The fingerprint of what the other side shows, trusted or not.
    void note_shown(std::string fingerprint) { shown_ = std::move(fingerprint); }

private:
    struct Free {
        void operator()(ssl_st* ssl) const noexcept;
    };
    void advance(std::string& text);
    void read(std::string& text);
    [[nodiscard]] bool note_result(int result);
    [[nodiscard]] bool has_more_input() const noexcept;
    void limit_work();
    static void on_message(
        int is_ours, int version, int content, void const* bytes, std::size_t size, ssl_st* ssl, void* self);
    [[nodiscard]] std::string reason() const;

    std::shared_ptr<TlsContext const> context_; ///< Called by ssl_ when a certificate is shown.
    std::unique_ptr<ssl_st, Free> ssl_;
    std::string shown_;
    std::string fault_;
    bool ready_ = false;
    bool finished_ = false;
    std::size_t received_ = 0;    ///< Bytes from the wire.
    std::size_t key_updates_ = 0; ///< Of the other side.
};

} // namespace elves
