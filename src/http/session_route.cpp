#include "http/session_route.hpp"

#include "elves/error.hpp"
#include "elves/json.hpp"
#include "elves/json_document.hpp"
#include "elves/method_table.hpp"
#include "rpc/router.hpp"

namespace elves::http {

namespace {

std::string cookie(bool is_tls, std::string_view secret, std::string_view more)
{
    std::string text(session_cookie(is_tls));
    text.append("=").append(secret).append("; Path=/; HttpOnly; SameSite=Strict");
    if (is_tls) text += "; Secure";
    return text.append(more);
}

Reply json_reply(json::object const& fields)
{
    Reply reply;
    reply.body = json::serialize(fields);
    return reply;
}

/// The methods that a role may call at all.
json::array methods_for(Router const& router, Key const* key)
{
    json::array all;
    for (auto const& [service, table] : router.services()) {
        if (!table) continue;
        for (auto const& method : table->all())
            if (method->right != Right::report && (!key || role_may(key->role, method->right)))
                all.emplace_back(service + "." + method->name);
    }
    return all;
}

} // namespace

asio::awaitable<Reply> SessionRoute::answer(Request request)
{
    if (request.method == "GET") co_return co_await who(std::move(request));
    if (request.method != "POST" && request.method != "DELETE") {
        auto reply = refusal(405, codes::no_method.text, "/session knows GET, POST and DELETE");
        reply.headers.emplace_back("Allow", "GET, POST, DELETE");
        co_return reply;
    }
    if (request.header("x-elves").empty())
        co_return refusal(403, codes::forbidden.text,
            "the header X-Elves is missing, which no page of another site can send");
    if (request.method == "DELETE") co_return log_out(request);
    co_return co_await log_in(std::move(request));
}

asio::awaitable<Reply> SessionRoute::log_in(Request request)
{
    std::string code;
    std::optional<Reply> refused;
    try {
        auto const fields = JsonDocument::parse(request.body);
        auto const* const given = fields.root().is_object() ? fields.find("code") : nullptr;
        if (given) code = given->string_or_empty();
        if (given && code.empty()) refused = refusal(400, codes::bad_field.text, "`code` is no string");
    } catch (Error const& error) {
        refused = refusal(400, error.code().text, error.what());
    }
    if (refused) co_return std::move(*refused);
    if (!code.empty()) co_return log_in_by_code(request, code);
    co_return co_await log_in_by_key(std::move(request));
}

/// By the method that logs a connection in: who tries wrong keys waits there, and is in the audit trail.
asio::awaitable<Reply> SessionRoute::log_in_by_key(Request request)
{
    auto const peer = calls_.peer_of(request);
    auto work = calls_.run(Asker(), peer, "supervisor", "login", request.body);
    auto const outcome = co_await std::move(work);
    if (!outcome.error_info.empty()) co_return reply_of(outcome);
    Grant grant;
    grant.key = peer->bound_key();
    co_return begun(request, std::move(grant));
}

Reply SessionRoute::log_in_by_code(Request const& request, std::string_view code)
{
    auto grant = sessions_.redeem(code);
    if (!grant)
        return refusal(401, codes::wrong_key.text,
            "this link was used already, or is older than a minute; elvesctl console prints another");
    return begun(request, std::move(*grant));
}

Reply SessionRoute::begun(Request const& request, Grant grant)
{
    auto const secret = sessions_.begin(std::move(grant));
    Reply reply;
    reply.body = R"({"flag":"true","error_info":""})";
    reply.headers.emplace_back("Set-Cookie", cookie(request.is_tls, secret, ""));
    return reply;
}

Reply SessionRoute::log_out(Request const& request)
{
    sessions_.end(cookie_of(request.header("cookie"), session_cookie(request.is_tls)));
    Reply reply;
    reply.status = 204;
    reply.content_type.clear();
    reply.headers.emplace_back("Set-Cookie", cookie(request.is_tls, "", "; Max-Age=0"));
    return reply;
}

/// Asked of the router, too: a key that was deleted ends its sessions.
asio::awaitable<Reply> SessionRoute::who(Request request)
{
    auto asker = calls_.asker_of(request);
    if (auto* const refused = std::get_if<Reply>(&asker)) co_return std::move(*refused);
    auto const& known = std::get<Asker>(asker);
    if (!known.session)
        co_return refusal(
            400, codes::bad_field.text, "/session is for the console's cookie, not for Authorization");
    auto const key = calls_.key_of(known, request);
    if (!key) {
        sessions_.end(known.secret);
        co_return refusal(
            401, codes::wrong_key.text, "the key of this session counts no longer; log in again");
    }
    co_return json_reply({{"flag", "true"}, {"error_info", ""}, {"key", key->key}, {"name", key->name},
        {"role", role_text(key->role)}, {"methods", methods_for(router_, key.get())}, {"version", version_}});
}

} // namespace elves::http
