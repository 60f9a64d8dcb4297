#include "http/calls.hpp"

#include "elves/error.hpp"
#include "elves/json.hpp"
#include "elves/services/authority.hpp"
#include "http/status.hpp"
#include "rpc/frame_json.hpp"
#include "rpc/gate.hpp"
#include "rpc/router.hpp"

namespace elves::http {

namespace {

Reply no_key(Request const& request)
{
    auto reply = refusal(401, codes::no_key.text,
        "this needs a key: give Authorization: Bearer KEY:TOKEN, or log in to the console");
    // A browser would ask its user for a password in a window of its own.
    if (request.header("x-elves").empty())
        reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"elves\", charset=\"UTF-8\"");
    return reply;
}

/// The fields with `auth` behind them: of two members of one name the last counts.
std::string with_auth(std::string fields, Credentials const& shown)
{
    constexpr std::string_view blanks = " \t\r\n";
    auto const end = fields.find_last_not_of(blanks);
    if (end == std::string::npos) fields = "{}";
    auto const close = fields.find_last_not_of(blanks);
    // What is no object stays as it is, and is refused as that.
    if (fields[close] != '}') return fields;
    auto const before = close == 0 ? std::string::npos : fields.find_last_not_of(blanks, close - 1);
    bool const is_empty =
        before != std::string::npos && fields[before] == '{' && fields.find_first_not_of(blanks) == before;
    fields.resize(close);
    if (!is_empty) fields += ',';
    fields += "\"auth\":" + json::serialize(json::object{{"key", shown.key}, {"token", shown.token}}) + "}";
    return fields;
}

} // namespace

std::string_view session_cookie(bool is_tls) noexcept
{
    return is_tls ? "__Host-elves_session" : "elves_session";
}

Reply reply_of(Outcome const& outcome)
{
    Reply reply;
    reply.status = status_of(outcome.code);
    append_outcome(reply.body, outcome);
    return reply;
}

std::variant<Asker, Reply> Calls::asker_of(Request const& request)
{
    Asker asker;
    auto const authorization = request.header("authorization");
    if (!authorization.empty()) {
        asker.shown = credentials_of(authorization);
        if (asker.shown) return asker;
        return refusal(401, codes::no_key.text,
            "Authorization is not understood; give Bearer KEY:TOKEN, or Basic with the base64 of KEY:TOKEN");
    }
    asker.secret = cookie_of(request.header("cookie"), session_cookie(request.is_tls));
    bool const is_attended = request.header("x-elves") != "unattended";
    auto const* const session = is_attended ? sessions_.find(asker.secret) : sessions_.look_at(asker.secret);
    bool const counts = session && (!session->grant.needs_keyless || gate_.admits_somebody_without_key());
    if (!counts) return no_key(request);
    if (request.method != "GET" && request.method != "HEAD" && request.header("x-elves").empty())
        return refusal(403, codes::forbidden.text,
            "a console session needs the header X-Elves, which no page of another site can send");
    asker.session = session->grant;
    return asker;
}

std::shared_ptr<Key const> Calls::key_of(Asker const& asker, Request const& request) const
{
    if (asker.session->local) return asker.session->local;
    try {
        return gate_.authority ? gate_.authority->still(asker.session->key, request.from) : nullptr;
    } catch (Error const&) {
        return nullptr;
    }
}

bool Calls::still_counts(Request const& request)
{
    if (!request.header("authorization").empty()) return is_known(request);
    auto const secret = cookie_of(request.header("cookie"), session_cookie(request.is_tls));
    auto const* const session = sessions_.look_at(secret);
    if (!session || (session->grant.needs_keyless && !gate_.admits_somebody_without_key())) return false;
    Asker asker;
    asker.session = session->grant;
    return key_of(asker, request) != nullptr;
}

bool Calls::is_known(Request const& head)
{
    auto const asker = asker_of(head);
    if (!std::holds_alternative<Asker>(asker)) return false;
    auto const& known = std::get<Asker>(asker);
    if (!known.shown) return true;
    try {
        return gate_.authority && gate_.authority->prove(known.shown->key, known.shown->token, head.from);
    } catch (Error const&) {
        return false;
    }
}

asio::awaitable<Outcome> Calls::run(
    Asker asker, std::shared_ptr<HttpPeer> peer, std::string service, std::string method, std::string fields)
{
    if (asker.session) {
        peer->bind_key(asker.session->key);
        peer->certify(asker.session->local);
    }
    if (asker.shown) fields = with_auth(std::move(fields), *asker.shown);
    if (fields.empty()) fields = "{}";
    Envelope envelope;
    envelope.mqs = service;
    envelope.mqf = method;
    auto const call = read_frame(json_, fields);
    if (auto const* const error = std::get_if<Error>(&call))
        co_return Outcome{{}, error->info(), error->code().text};
    auto answer = router_.run(envelope, *std::get<JsonValue const*>(call), peer);
    auto work = outcome_of(std::move(answer));
    co_return co_await std::move(work);
}

asio::awaitable<std::optional<Reply>> Calls::refusal_for(
    Request const& request, std::string service, std::string method)
{
    auto asker = asker_of(request);
    if (auto* const reply = std::get_if<Reply>(&asker)) co_return std::move(*reply);
    auto work =
        run(std::get<Asker>(std::move(asker)), peer_of(request), std::move(service), std::move(method), "");
    auto const outcome = co_await std::move(work);
    if (outcome.error_info.empty()) co_return std::nullopt;
    co_return reply_of(outcome);
}

} // namespace elves::http
