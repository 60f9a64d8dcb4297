#include "http/console_route.hpp"

#include <algorithm>

#include "elves/error.hpp"

namespace elves::http {

namespace {

constexpr std::string_view index_path = "/console/";
/// Only what this server sends, nothing that is written into a page, and no page around it.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

/// `/console/app.js`, not `/console/runs/A1`.
bool names_file(std::string_view path)
{
    return path.substr(path.rfind('/') + 1).find('.') != std::string_view::npos;
}

} // namespace

ConsoleFile const* ConsoleRoute::find(std::string_view path) const noexcept
{
    auto const found = std::find_if(
        files_.begin(), files_.end(), [&](ConsoleFile const& file) { return file.path == path; });
    return found == files_.end() ? nullptr : &*found;
}

Reply ConsoleRoute::answer(Request const& request) const
{
    auto const path = request.path();
    auto const* file = find(path);
    if (!file && !names_file(path)) file = find(index_path);
    if (!file) return refusal(404, codes::no_service.text, "the console has no such file");
    Reply reply;
    reply.headers = {{"Content-Security-Policy", std::string(policy)}, {"ETag", std::string(file->etag)},
        {"Cache-Control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache"},
        {"Vary", "Accept-Encoding"}};
    if (request.header("if-none-match") == file->etag) {
        reply.status = 304;
        reply.content_type.clear();
        return reply;
    }
    if (request.header("accept-encoding").find("gzip") == std::string_view::npos)
        return refusal(
            406, codes::bad_field.text, "the console's files are gzip'd; send Accept-Encoding: gzip");
    reply.content_type = std::string(file->content_type);
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.body = std::string(file->gzip_body);
    return reply;
}

} // namespace elves::http
