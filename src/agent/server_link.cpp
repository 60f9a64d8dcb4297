#include "agent/server_link.hpp"

#include <algorithm>

#include "elves/error.hpp"
#include "elves/json_fields.hpp"
#include "elves/log.hpp"
#include "elves/one_shot.hpp"
#include "rpc/tls_context.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds dial_limit = 10s;
constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::chrono::milliseconds default_interval = 10s;
constexpr int beats_a_ping = 3;
/// The answer to who has shown a key that does not count.
constexpr std::string_view wrong_key = "[401.5]";
/// The answer to who may not be what it says it is.
constexpr std::string_view forbidden = "[401.6]";
/// A link that lasted so long was a good one: the next try comes at once.
constexpr auto good_link = 10s;
/// Before a server is asked again that has said no: only an admin can change that.
constexpr std::chrono::milliseconds refused_pause = 10min;

/// None was shown, or one for another address: this machine has a new one. Not where another connection holds
/// the address: another key would not change that.
bool wants_other_key(Back const& back)
{
    if (back.fields.find("held")) return false;
    return !back.flag && (back.error_info.starts_with("[401.1]") || back.error_info.starts_with("[401.6]"));
}

} // namespace

ServerLink::ServerLink(
    AgentSettings const& settings, LinkShared& shared, Zone& zone, ServerTime& server_time, Listener listener)
    : ServerLink(
          settings, shared, zone, server_time, std::move(listener), std::make_unique<ThisMachine>(settings))
{
}

ServerLink::ServerLink(AgentSettings const& settings, LinkShared& shared, Zone& zone, ServerTime& server_time,
    Listener listener, std::unique_ptr<LinkEnvironment> environment)
    : settings_(settings)
    , shared_(shared)
    , zone_(zone)
    , server_time_(server_time)
    , listener_(std::move(listener))
    , environment_(std::move(environment))
    , enrolment_({settings.key_file, settings.join_token_file, settings.asset})
    , started_(shared.clock.now())
    , interval_(default_interval)
    , backoff_(environment_->random_seed())
{
}

asio::awaitable<void> ServerLink::run()
{
    while (true) {
        is_in_ = false;
        for (auto const& place : settings_.servers) {
            if (stopping_) co_return;
            auto const begun = shared_.clock.steady();
            try {
                co_await serve(place);
            } catch (Error const& problem) {
                ELVES_LOG(warning, "server " << place.text() << ": " << problem.what());
            }
            if (link_) link_->close("the agent begins anew");
            link_.reset();
            if (shared_.clock.steady() - begun > good_link) backoff_.reset();
        }
        if (stopping_) co_return;
        co_await pause(shared_.clock, enrolment_.is_refused() && !is_in_ ? refused_pause : backoff_.next());
    }
}

void ServerLink::stop()
{
    stopping_ = true;
    if (link_) link_->close("the agent is shutting down");
}

void ServerLink::say_draining()
{
    is_draining_ = true;
    if (is_in_ && link_ && link_->is_open()) cast_draining();
}

void ServerLink::cast_draining() { link_->cast("heartbeat", "beat", {{"draining", "true"}}); }

asio::awaitable<void> ServerLink::serve(HostPort place)
{
    choose_tls();
    try {
        link_ = co_await environment_->dial(place, dial_limit, shared_);
    } catch (Error const& problem) {
        throw Error(problem.code(), problem.what() + whose_pin());
    }
    if (stopping_) co_return;
    link_->keep_when_idle();
    auto const ip = own_ip();
    if (!co_await enter(ip)) co_return;
    is_in_ = true;
    ELVES_LOG(info, "registered as " << ip.text() << " with " << place.text());
    listener_.up(link_, ip);
    if (is_draining_) cast_draining();
    std::chrono::milliseconds quiet{0};
    try {
        co_await beat_until_lost();
    } catch (Error const& problem) {
        ELVES_LOG(warning, "server " << place.text() << " is silent: " << problem.what());
        quiet = std::chrono::floor<std::chrono::milliseconds>(shared_.clock.steady() - link_->last_heard());
    }
    listener_.down(quiet);
    ELVES_LOG(info, "the link to " << place.text() << " is lost");
}

/// By the link itself: that is how the server's network knows this machine.
Ip ServerLink::own_ip() const
{
    if (settings_.ip) return *settings_.ip;
    auto const local = link_->local_ip();
    if (!local) throw Error(codes::agent_unreachable, "the connection is closed already");
    return *local;
}

void ServerLink::choose_tls()
{
    pin_ = {};
    shared_.tls = settings_.tls;
    // A machine that was given a key or a certificate does not join.
    if (!settings_.key.empty() || !settings_.tls_key.empty()) return;
    auto const pin = enrolment_.pin_for_dial();
    // Once it has joined, the settings stand above: the server may have a new certificate.
    if (pin.sha256.empty() || (settings_.tls && !pin.is_of_token)) return;
    auto const& pins = settings_.tls_trust.pins;
    bool const is_another = std::none_of(
        pins.begin(), pins.end(), [&](auto const& one) { return plain_fingerprint(one) == pin.sha256; });
    if (!pins.empty() && is_another)
        throw Error(codes::forbidden, "the join token is for the server with the fingerprint " + pin.sha256 +
                                          ", which is none of [tls] pin");
    try {
        shared_.tls = TlsContext::for_client({settings_.tls_trust.ca, {pin.sha256}}, {});
        pin_ = pin;
    } catch (std::exception const& problem) {
        throw Error(codes::internal, problem.what());
    }
}

/// What to add to the reason why a server could not be dialed.
std::string ServerLink::whose_pin() const
{
    if (pin_.sha256.empty()) return {};
    if (pin_.is_of_token)
        return "; the join token is only for the server whose certificate has the fingerprint " + pin_.sha256;
    return "; this machine joined the server whose certificate has the fingerprint " + pin_.sha256 +
           ": if it has a new one, set [tls] ca or pin";
}

bool ServerLink::uses_tls()
{
    try {
        choose_tls();
        return shared_.tls != nullptr;
    } catch (std::exception const&) {
        return true; // Then it is not dialed at all.
    }
}

/// With the key that it was given; or with its own, which it asks for where none is to be had without. True:
/// registered.
asio::awaitable<bool> ServerLink::enter(Ip ip)
{
    bool const is_given = !settings_.key.empty();
    key_ = is_given ? Credentials{settings_.key, settings_.token} : enrolment_.last();
    bool has_asked = false;
    if (key_ && !co_await login()) {
        if (is_given) co_return false;
        enrolment_.forget();
        key_.reset();
    }
    if (!is_given && !key_ && enrolment_.has_begun()) {
        has_asked = true;
        key_ = co_await enrolment_.ask(link_, ip);
        if (key_ && !co_await login()) co_return false;
    }
    auto back = co_await register_here(ip);
    if (!is_given && wants_other_key(back)) {
        if (!has_asked) key_ = co_await enrolment_.ask(link_, ip);
        if (!key_) {
            // A machine that has shown no key is not refused: it waits to be accepted.
            if (back.error_info.starts_with(forbidden)) note_refusal(back.error_info);
            if (enrolment_.is_refused()) note_refusal("this machine's request to join was refused");
            co_return false;
        }
        if (!co_await login()) co_return false;
        back = co_await register_here(ip);
    }
    if (!back.flag) {
        ELVES_LOG(error, "the server refuses to register " << ip.text() << ": " << back.error_info);
        // Where another connection holds the address, nothing is said of this machine's rights.
        if (back.error_info.starts_with(forbidden) && !back.fields.find("held"))
            note_refusal(back.error_info);
    }
    co_return back.flag;
}

/// To be called only for what a server says that was dialed as the settings ask for: who is not to be trusted
/// is not asked.
void ServerLink::note_refusal(std::string const& why)
{
    if (listener_.refused) listener_.refused(why);
}

asio::awaitable<bool> ServerLink::login()
{
    json::object fields{{"key", key_->key}, {"token", key_->token}};
    auto const back = co_await link_->call("supervisor", "login", fields, answer_limit);
    if (!back.flag) ELVES_LOG(error, "the server refuses key " << key_->key << ": " << back.error_info);
    if (back.error_info.starts_with(wrong_key)) note_refusal("key " + key_->key + ": " + back.error_info);
    co_return back.flag;
}

asio::awaitable<Back> ServerLink::register_here(Ip ip)
{
    auto fields = environment_->registration(ip, zone_.text(started_));
    if (key_) fields["auth"] = json::object{{"key", key_->key}, {"token", key_->token}};
    auto const asked = shared_.clock.steady();
    auto back = co_await link_->call("heartbeat", "register", fields, answer_limit);
    if (!back.flag) co_return back;
    auto const before = zone_.name();
    learn(back.fields.root(), asked);
    // Said in our zone, for the server's was not known yet: once more, in its own.
    if (zone_.name() != before) co_return co_await register_here(ip);
    co_return back;
}

void ServerLink::learn(JsonValue const& reply, Clock::Steady asked)
{
    if (listener_.learned) listener_.learned(reply);
    if (auto const* const value = reply.find("interval")) {
        auto const seconds = whole_number(*value);
        if (seconds && *seconds >= 1 && *seconds <= 86'400) interval_ = std::chrono::seconds(*seconds);
    }
    if (auto const* const value = reply.find("offline_after")) {
        // A server that was started again waits for so long before it takes this agent for offline: the agent
        // has to be back by then, however often it has dialed before.
        auto const seconds = whole_number(*value);
        if (seconds && *seconds >= 1 && *seconds <= 86'400)
            backoff_.set_limit(std::chrono::seconds(*seconds) / 2);
    }
    if (auto const* const value = reply.find("timezone"); value && value->is_string()) {
        std::string const name(value->string());
        if (auto const zone = Zone::named(name)) {
            zone_ = *zone;
        } else {
            ELVES_LOG(error, "this machine does not know the server's time zone "
                                 << name << "; times in reports are in " << zone_.name());
        }
    }
    auto const* const time = reply.find("time");
    auto const theirs = time ? whole_number(*time) : std::nullopt;
    server_time_.learn(reply, asked);
    constexpr std::int64_t far_off = 60'000;
    auto const ours = shared_.clock.now().time_since_epoch().count();
    if (theirs && (*theirs > ours + far_off || *theirs < ours - far_off))
        ELVES_LOG(warning, "this machine's clock and the server's differ by more than a minute");
}

asio::awaitable<void> ServerLink::beat_until_lost()
{
    auto const link = link_;
    OneShot<bool> lost;
    link->on_close([lost]() mutable { lost.set(true); });
    int beats = 0;
    while (link->is_open()) {
        if (co_await lost.wait(shared_.clock, interval_)) co_return;
        if (++beats % beats_a_ping != 0) {
            link->cast("heartbeat", "beat", {});
            continue;
        }
        // A beat that is answered: without an answer the server is gone without a word. Its clock may have
        // been set since the last time.
        bool const is_served = co_await server_time_.ask(link, std::max(interval_, answer_limit));
        if (is_served && listener_.heard) listener_.heard();
    }
}

} // namespace elves::agent
