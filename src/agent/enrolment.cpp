#include "agent/enrolment.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include "core/secret_file.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "rpc/tls_context.hpp"

namespace elves::agent {

namespace {

constexpr std::chrono::milliseconds answer_limit = std::chrono::seconds(10);

std::string text_in(JsonDocument const& fields, std::string_view name)
{
    auto const* const value = fields.find(name);
    return value && value->is_string() ? std::string(value->string()) : std::string();
}

/// Neither a path that isn't there nor one that others may read keeps the agent from asking.
std::string secret_or_none(std::string const& path)
{
    try {
        auto const lines = read_secret_file(path);
        return lines && !lines->empty() ? lines->front() : std::string();
    } catch (std::exception const& problem) {
        ELVES_LOG(warning, "the join token is not used: " << problem.what());
        return {};
    }
}

} // namespace

bool Enrolment::has_begun() const
{
    std::error_code failure;
    return own_ || std::filesystem::exists(settings_.key_file, failure);
}

std::optional<Credentials> Enrolment::last()
{
    load();
    if (!own_ || own_->id.empty()) return std::nullopt;
    return Credentials{own_->id, own_->token};
}

void Enrolment::load()
{
    try {
        if (!own_) own_ = read_own_key(settings_.key_file);
    } catch (std::exception const& problem) {
        throw Error(codes::internal, problem.what());
    }
}

void Enrolment::keep(std::string const& id)
{
    wants_token_ = false;
    bool const is_same_server = dialed_pin_.empty() || own_->pin == dialed_pin_;
    if (own_->id == id && is_same_server) return;
    own_->id = id;
    if (!is_same_server) own_->pin = dialed_pin_;
    try {
        replace_own_key(settings_.key_file, *own_);
    } catch (std::exception const& problem) {
        // It only has to ask again after a restart.
        ELVES_LOG(warning, "which key this machine has is not noted: " << problem.what());
    }
}

JoinTokenText Enrolment::join_token() const
{
    if (settings_.join_token_file.empty()) return {};
    return JoinTokenText::parse(secret_or_none(settings_.join_token_file));
}

Enrolment::ServerPin Enrolment::pin_for_dial()
{
    load();
    dialed_pin_.clear();
    bool const has_key = own_ && !own_->id.empty();
    auto const token = has_key && !wants_token_ ? JoinTokenText() : join_token();
    if (token.pin.empty()) return {own_ ? own_->pin : std::string(), false};
    dialed_pin_ = plain_fingerprint(token.pin);
    if (dialed_pin_.empty())
        throw Error(codes::bad_field, "the fingerprint in " + settings_.join_token_file +
                                          " is malformed: expected 64 hex digits after the dot of the join "
                                          "token; copy the whole token again");
    return {dialed_pin_, true};
}

asio::awaitable<std::optional<Credentials>> Enrolment::ask(std::shared_ptr<Peer> server, Ip ip)
{
    load();
    try {
        if (!own_) own_ = make_own_key(settings_.key_file, dialed_pin_);
    } catch (std::exception const& problem) {
        throw Error(codes::internal, problem.what());
    }
    auto const hash = sha256_hex(own_->token);
    json::object fields{
        {"agentip", ip.text()}, {"hash", hash}, {"asset", settings_.asset}, {"version", ELVES_VERSION}};
    auto const token = join_token();
    // Not to a server that has not shown this certificate.
    bool const is_shown = !dialed_pin_.empty() && plain_fingerprint(token.pin) == dialed_pin_;
    if (!token.pin.empty() && !is_shown) {
        wants_token_ = true;
        throw Error(codes::forbidden,
            "it was not dialed by the fingerprint in the join token; dialing it again by that");
    }
    if (!token.secret.empty()) fields["join_token"] = token.secret;
    auto const back = co_await server->call("supervisor", "join", fields, answer_limit);
    auto const key = understand(back, ip, fingerprint(hash));
    if (key) keep(*key);
    co_return key ? last() : std::nullopt;
}

std::optional<std::string> Enrolment::understand(Back const& back, Ip const& ip, std::string const& print)
{
    auto const status = text_in(back.fields, "status");
    if (back.flag && status == "accepted") {
        if (is_news(Said::accepted))
            ELVES_LOG(info, "the server has let in this machine, fingerprint " << print);
        return text_in(back.fields, "key");
    }
    auto const who = ip.text() + ", fingerprint " + print;
    if (!back.flag && back.error_info.starts_with("[409.")) {
        if (is_news(Said::refused, back.error_info))
            ELVES_LOG(error, "the server does not let in " << who << ": " << back.error_info);
    } else if (!back.flag) {
        if (is_news(Said::wait, back.error_info))
            ELVES_LOG(warning, "asking to join as " << who << ": " << back.error_info);
    } else if (status == "rejected") {
        if (is_news(Said::refused))
            ELVES_LOG(error, "the server has rejected " << who << "; an admin there can still accept it");
    } else if (auto const why = text_in(back.fields, "why"); is_news(Said::wait, why)) {
        ELVES_LOG(warning, "asking to join as " << who
                                                << "; accept it on the server with: elvesctl agents accept "
                                                << ip.text() << " --fingerprint " << print);
        if (!why.empty()) ELVES_LOG(warning, "the join token did not help: " << why);
    }
    return std::nullopt;
}

bool Enrolment::is_news(Said said, std::string const& more)
{
    bool const is_same = said_ == said && more_ == more;
    said_ = said;
    more_ = more;
    return !is_same;
}

} // namespace elves::agent
