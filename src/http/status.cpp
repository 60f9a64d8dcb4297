#include "http/status.hpp"

#include "elves/error.hpp"

namespace elves::http {

int status_of(std::string_view code) noexcept
{
    if (code.empty()) return 200;
    if (code == codes::forbidden.text) return 403;
    auto const kind = code.substr(0, code.find('.'));
    if (kind == "400" || kind == "403") return 400;
    if (kind == "401") return 401;
    // What a caller must not simply try again: the task may have started.
    if (kind == "409" || kind == "410") return 409;
    if (kind == "423") return 423;
    if (kind == "429") return 429;
    if (kind == "503") return 503;
    if (kind == "507") return 507;
    // There is no such service, method, key, app, agent, record, task or run.
    if (kind == "402" || kind == "404" || kind.starts_with("41")) return 404;
    return 500;
}

} // namespace elves::http
