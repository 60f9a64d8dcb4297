#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "http/calls.hpp"
#include "http/change_feed.hpp"
#include "http/console_route.hpp"
#include "http/handler.hpp"
#include "http/http_settings.hpp"
#include "http/readiness.hpp"
#include "http/same_site.hpp"
#include "http/session_route.hpp"
#include "http/sessions.hpp"

namespace elves::http {

/// What answers which path (docs/http.md). Knows no sockets. On the loop's thread; what it is given outlives
/// it.
class Site final : public Handler {
public:
    struct Parts {
        Router const& router;
        Gate const& gate;
        Sessions& sessions;
        Clock& clock;
        Readiness& readiness;
        ChangeFeed& changes;
        std::string version;
        std::function<std::size_t()> max_frame; ///< As it is now, bytes.
        /// Hears of requests that pages of other sites make.
        std::function<void(Request const&, std::string const& why)> on_cross_site;
        std::function<Reply(Request const&)> metrics;
    };
    explicit Site(Parts parts);

    /// `certificate_names`: what the server's certificate is for.
    void configure(HttpSettings const& settings, std::vector<std::string> certificate_names);

    [[nodiscard]] std::size_t body_limit(Request const& head) override;
    [[nodiscard]] asio::awaitable<Reply> answer(Request request) override;

private:
    [[nodiscard]] asio::awaitable<Reply> route(Request request);
    [[nodiscard]] asio::awaitable<Reply> ready(Request request);
    [[nodiscard]] asio::awaitable<Reply> metrics(Request request);
    [[nodiscard]] asio::awaitable<Reply> call(Request request);
    [[nodiscard]] asio::awaitable<Reply> describe(Request request);
    [[nodiscard]] Reply console(Request const& request) const;
    [[nodiscard]] asio::awaitable<Reply> events(Request request);
    [[nodiscard]] asio::awaitable<Reply> scrape_targets(Request request);

    Parts parts_;
    Calls calls_;
    SessionRoute session_;
    ConsoleRoute console_{console_files()};
    bool has_console_ = true;
    SameSite same_site_{{}};
    MetricsFor metrics_for_ = MetricsFor::loopback;
};

} // namespace elves::http
