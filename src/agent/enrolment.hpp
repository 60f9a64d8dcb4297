#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/own_key.hpp"
#include "elves/asio.hpp"
#include "elves/ip.hpp"
#include "elves/peer.hpp"
#include "elves/secret.hpp"

namespace elves::agent {

/// What proves who an agent is.
struct Credentials {
    std::string key;
    std::string token;
};

/// How an agent that was given no key comes to one of its own: it makes a token, shows its server the token's
/// hash, and an admin there, or a join token, makes that a key. On the loop's thread.
class Enrolment {
public:
    struct Settings {
        std::string key_file;        ///< Its own token; made when it is needed first.
        std::string join_token_file; ///< "" for none.
        std::string asset;
    };

    explicit Enrolment(Settings settings) : settings_(std::move(settings)) {}

    /// It has asked for a key before.
    [[nodiscard]] bool has_begun() const;
    /// The key that it had last, also before a restart; nothing where it has none. Throws Error where the
    /// file can't be used.
    [[nodiscard]] std::optional<Credentials> last();
    /// The server does not know that one any more: there is none until it has asked anew.
    void forget() { own_->id.clear(); }
    /// Asks to be let in; the key where the server has done so. What is news goes to the log. Throws Error
    /// where nobody answers.
    [[nodiscard]] asio::awaitable<std::optional<Credentials>> ask(std::shared_ptr<Peer> server, Ip ip);
    /// What the next server that is dialed has to show, beside what the settings ask for.
    struct ServerPin {
        std::string sha256;       ///< Of its certificate, in lower-case hex; "": nothing.
        bool is_of_token = false; ///< It comes from the join token: this machine is not known there yet.
    };
    /// To be asked before each dial. While this machine has no key, the pin of its join token, if that has
    /// one; then the one that it joined by. Throws Error where the token's pin is malformed, or a file can't
    /// be used.
    [[nodiscard]] ServerPin pin_for_dial();
    /// The server has said no, not merely: not yet.
    [[nodiscard]] bool is_refused() const noexcept { return said_ == Said::refused; }

private:
    enum class Said { nothing, wait, accepted, refused };

    void load();
    void keep(std::string const& id);
    [[nodiscard]] JoinTokenText join_token() const;
    [[nodiscard]] std::optional<std::string> understand(
        Back const& back, Ip const& ip, std::string const& print);
    /// Whether the server says so for the first time, or after something else.
    [[nodiscard]] bool is_news(Said said, std::string const& more = {});

    Settings settings_;
    std::optional<OwnKey> own_; ///< As in the file, once that was read.
    Said said_ = Said::nothing;
    std::string more_;
    std::string dialed_pin_;   ///< Of the join token: what the present server has shown.
    bool wants_token_ = false; ///< Its key is of no use: it needs the join token again.
};

} // namespace elves::agent
