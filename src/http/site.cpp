#include "http/site.hpp"

#include <utility>

#include "elves/error.hpp"
#include "elves/json.hpp"
#include "elves/log.hpp"
#include "elves/lower_case.hpp"
#include "elves/method_table.hpp"
#include "http/open_api.hpp"
#include "http/scrape_targets.hpp"
#include "rpc/router.hpp"

namespace elves::http {

namespace {

/// What a request may send before it has shown a key that counts.
constexpr std::size_t stranger_body = 16 * 1024;
constexpr std::string_view api_path = "/api/";

Reply wrong_method(std::string_view path, std::string_view right)
{
    auto reply = refusal(
        405, codes::no_method.text, std::string(path.substr(0, 100)) + " knows only " + std::string(right));
    reply.headers.emplace_back("Allow", right);
    return reply;
}

bool is_read(Request const& request) { return request.method == "GET" || request.method == "HEAD"; }

/// What an agent says of itself belongs to the connection over which it can be reached.
bool is_for_agents(Router const& router, std::string_view service, std::string_view method)
{
    auto const found = router.services().find(lower_case(service));
    if (found == router.services().end() || !found->second) return false;
    auto const* const declared = found->second->find(lower_case(method));
    return declared && declared->right == Right::report;
}

} // namespace

Site::Site(Parts parts)
    : parts_(std::move(parts))
    , calls_(parts_.router, parts_.gate, parts_.sessions, parts_.clock)
    , session_(parts_.router, calls_, parts_.sessions, parts_.version)
{
}

void Site::configure(HttpSettings const& settings, std::vector<std::string> certificate_names)
{
    auto names = settings.hosts;
    names.insert(names.end(), certificate_names.begin(), certificate_names.end());
    same_site_ = SameSite(std::move(names));
    metrics_for_ = settings.metrics;
    has_console_ = settings.console && !console_.is_empty();
}

std::size_t Site::body_limit(Request const& head)
{
    return calls_.is_known(head) ? parts_.max_frame() : stranger_body;
}

asio::awaitable<Reply> Site::answer(Request request)
{
    auto const place = request.method + " " + std::string(request.path().substr(0, 200));
    try {
        co_return co_await route(std::move(request));
    } catch (std::exception const& problem) {
        ELVES_LOG(error, "http.internal_error request=" << place << ": " << problem.what());
    }
    co_return refusal(500, codes::internal.text, "internal error; the log has the details");
}

asio::awaitable<Reply> Site::route(Request request)
{
    auto const path = std::string(request.path());
    // Looks at nothing else, so that it answers for as long as the loop turns. It tells nothing.
    if (path == "/health/live") {
        Reply reply;
        reply.body = R"({"loop":"ok"})";
        co_return is_read(request) ? std::move(reply) : wrong_method(path, "GET");
    }
    if (path == "/health/ready") co_return co_await ready(std::move(request));
    // The console's files hold nothing of the fleet, and a link from anywhere may lead there.
    bool const is_console = path == "/" || path == "/console" || path.starts_with("/console/");
    if (auto const why = is_console ? same_site_.host_fault(request) : same_site_.fault(request)) {
        parts_.on_cross_site(request, *why);
        co_return refusal(403, codes::forbidden.text, *why);
    }
    if (is_console) co_return console(request);
    if (path == "/metrics") co_return co_await metrics(std::move(request));
    if (path == "/api") co_return co_await describe(std::move(request));
    if (path.starts_with(api_path)) co_return co_await call(std::move(request));
    if (path == "/session") co_return co_await session_.answer(std::move(request));
    if (path == "/events") co_return co_await events(std::move(request));
    if (path == "/sd/prometheus") co_return co_await scrape_targets(std::move(request));
    co_return refusal(404, codes::no_service.text,
        "there is nothing at " + path.substr(0, 100) + "; docs/http.md lists what there is");
}

asio::awaitable<Reply> Site::ready(Request request)
{
    if (!is_read(request)) co_return wrong_method(request.path(), "GET");
    auto const state = co_await parts_.readiness.look();
    Reply reply;
    reply.status = state.is_ready() ? 200 : 503;
    reply.body = json::serialize(json::object{{"server", state.server}, {"store", state.store}});
    co_return reply;
}

asio::awaitable<Reply> Site::metrics(Request request)
{
    if (!is_read(request)) co_return wrong_method(request.path(), "GET");
    if (metrics_for_ == MetricsFor::loopback && !request.from.is_loopback())
        co_return refusal(403, codes::forbidden.text,
            "metrics are for this machine alone; [http] metrics = key or open in elves.conf changes that");
    if (metrics_for_ == MetricsFor::key) {
        auto refused = co_await calls_.refusal_for(request, "elves", "stats");
        if (refused) co_return std::move(*refused);
    }
    co_return parts_.metrics(request);
}

asio::awaitable<Reply> Site::describe(Request request)
{
    if (!is_read(request)) co_return wrong_method(request.path(), "GET");
    auto refused = co_await calls_.refusal_for(request, "elves", "methods");
    if (refused) co_return std::move(*refused);
    Reply reply;
    reply.body = open_api(parts_.router, parts_.version);
    co_return reply;
}

Reply Site::console(Request const& request) const
{
    if (console_.is_empty())
        return refusal(404, codes::module_off.text,
            "this server has no console: it was built without (-DELVES_CONSOLE=OFF)");
    if (!has_console_)
        return refusal(
            404, codes::module_off.text, "this server has no console ([http] console in elves.conf)");
    if (!is_read(request)) return wrong_method(request.path(), "GET");
    if (request.path() == "/" || request.path() == "/console") {
        Reply reply;
        reply.status = 302;
        reply.content_type.clear();
        reply.headers.emplace_back("Location", "/console/");
        return reply;
    }
    return console_.answer(request);
}

asio::awaitable<Reply> Site::call(Request request)
{
    auto const name = std::string(request.path().substr(api_path.size()));
    auto const slash = name.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == name.size() ||
        name.find('/', slash + 1) != std::string::npos)
        co_return refusal(404, codes::no_method.text, "give /api/SERVICE/METHOD; GET /api lists them");
    if (request.method != "POST") co_return wrong_method(request.path(), "POST");
    if (is_for_agents(parts_.router, name.substr(0, slash), name.substr(slash + 1)))
        co_return refusal(404, codes::no_method.text, name + " is for agents, which speak on the RPC port");
    auto asker = calls_.asker_of(request);
    if (auto* const refused = std::get_if<Reply>(&asker)) co_return std::move(*refused);
    auto peer = calls_.peer_of(request);
    auto work = calls_.run(std::get<Asker>(std::move(asker)), std::move(peer), name.substr(0, slash),
        name.substr(slash + 1), std::move(request.body));
    auto const seen = std::to_string(parts_.changes.seq());
    auto const outcome = co_await std::move(work);
    auto reply = reply_of(outcome);
    reply.headers.emplace_back("Elves-Seq", seen);
    co_return reply;
}

asio::awaitable<Reply> Site::events(Request request)
{
    if (request.method != "GET") co_return wrong_method(request.path(), "GET");
    auto refused = co_await calls_.refusal_for(request, "elves", "stats");
    if (refused) co_return std::move(*refused);
    std::set<std::string> topics;
    for (auto& topic : query_values(request.target, "topic")) {
        if (!parts_.changes.knows(topic))
            co_return refusal(400, codes::bad_field.text,
                "`topic` " + topic.substr(0, 50) + " is none of now, hosts, run:ID, task:ID");
        topics.insert(std::move(topic));
    }
    if (topics.empty() || topics.size() > ChangeFeed::most_topics)
        co_return refusal(
            400, codes::bad_field.text, "`topic` is missing, or there are more than 16; give topic=now");
    auto const head = std::make_shared<Request>(request);
    head->client.reset();
    std::function<bool()> counts = [this, head] { return calls_.still_counts(*head); };
    Reply reply;
    reply.stream = parts_.changes.open(std::move(topics), std::move(counts));
    if (!reply.stream)
        co_return refusal(
            429, codes::too_much.text, "there are 100 streams of events already; try again later");
    reply.content_type = "text/event-stream";
    co_return reply;
}

/// https://prometheus.io/docs/prometheus/latest/http_sd/: the hosts of a target with their labels.
asio::awaitable<Reply> Site::scrape_targets(Request request)
{
    if (!is_read(request)) co_return wrong_method(request.path(), "GET");
    auto asker = calls_.asker_of(request);
    if (auto* const refused = std::get_if<Reply>(&asker)) co_return std::move(*refused);
    auto const targets = query_values(request.target, "target");
    auto const ports = query_values(request.target, "port");
    if (targets.size() != 1)
        co_return refusal(400, codes::bad_target.text, "give one `target`, such as target=env=prod");
    auto const port = ports.empty() ? std::string("9100") : ports.front();
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos)
        co_return refusal(400, codes::bad_field.text, "`port` is no number of 1 to 65535");
    ScrapeTargets found(targets.front(), port);
    while (!found.is_done()) {
        if (found.size() > parts_.max_frame())
            co_return refusal(
                429, codes::too_much.text, "the list is over server.max_frame; give a target of fewer hosts");
        auto work = calls_.run(
            std::get<Asker>(asker), calls_.peer_of(request), "fleet", "findagents", found.question());
        auto const outcome = co_await std::move(work);
        if (!outcome.error_info.empty()) co_return reply_of(outcome);
        found.add(outcome.fields);
    }
    Reply reply;
    reply.body = found.take();
    co_return reply;
}

} // namespace elves::http
