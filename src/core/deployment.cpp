#include "elves/deployment.hpp"

#include <algorithm>

#include "elves/error.hpp"
#include "elves/instruction.hpp"
#include "elves/json_document.hpp"
#include "elves/json_fields.hpp"

namespace elves {

namespace {

constexpr std::int64_t largest_package = std::int64_t{1024} * 1024 * 1024;
constexpr std::size_t longest_signature = 88; // 64 bytes as base64
constexpr std::size_t longest_version = 64;

bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

[[noreturn]] void refuse(std::string_view field, std::string const& what)
{
    throw Error(codes::bad_param, "`ins.param`: `" + std::string(field) + "` " + what);
}

std::string text_of(JsonValue const& param, std::string_view field)
{
    auto const* const value = param.find(field);
    if (value == nullptr) return {};
    if (!value->is_string()) refuse(field, "is " + shown(*value) + "; give a string");
    return std::string(value->string());
}

std::int64_t size_of(JsonValue const& param)
{
    auto const* const value = param.find("size");
    auto const size = value ? whole_number(*value) : std::nullopt;
    if (!size || *size < 1 || *size > largest_package)
        refuse("size", (value ? "is " + shown(*value) : std::string("is missing")) +
                           "; give the package's bytes, 1 to " + std::to_string(largest_package));
    return *size;
}

void read_package(Deployment& to, JsonValue const& param)
{
    to.version = text_of(param, "version");
    to.sha256 = text_of(param, "sha256");
    to.signature = text_of(param, "signature");
    if (!is_app_version(to.version))
        refuse("version", "is " + shown(to.version) +
                              "; give 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `+`, `~`, `:`, `-`, beginning with "
                              "a letter or digit");
    if (!is_sha256(to.sha256)) refuse("sha256", "is " + shown(to.sha256) + "; give 64 lower-case hex digits");
    if (to.signature.size() > longest_signature)
        refuse("signature", "has " + std::to_string(to.signature.size()) +
                                " bytes; give an Ed25519 signature in base64 (88 characters)");
    to.size = size_of(param);
}

JsonDocument document_of(std::string const& param)
{
    try {
        return JsonDocument::parse(param);
    } catch (std::exception const&) {
        throw Error(codes::bad_param,
            "`ins.param` is no JSON object; give what `elvesctl app deploy` or `rollback` sends");
    }
}

} // namespace

bool is_app_version(std::string_view text) noexcept
{
    constexpr std::string_view others = "._+~:-";
    return !text.empty() && text.size() <= longest_version && is_alphanumeric(text.front()) &&
           std::all_of(text.begin(), text.end(),
               [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

bool is_sha256(std::string_view text) noexcept
{
    constexpr std::size_t digits = 64;
    return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

std::string Deployment::signed_text() const
{
    return "elves-app-1\n" + app + "\n" + version + "\n" + std::to_string(size) + "\n" + sha256 + "\n";
}

json::object Deployment::to_json() const
{
    json::object fields{
        {"app", app}, {"version", version}, {"sha256", sha256}, {"size", std::to_string(size)}};
    if (!signature.empty()) fields["signature"] = signature;
    return fields;
}

Deployment Deployment::read(Instruction const& ins)
{
    bool const is_deploy = ins.func == "deploy";
    if (!is_deploy && ins.func != "rollback")
        throw Error(codes::bad_func, "`ins.func` is " + shown(ins.func) +
                                         "; the reserved app `elves` has the functions deploy and rollback");
    if (!ins.proxy.empty())
        throw Error(codes::bad_field,
            "`ins.proxy` is " + shown(ins.proxy) + "; the reserved app `elves` has no files: leave it out");
    auto const document = document_of(ins.param);
    auto const& param = document.root();
    if (!param.is_object())
        throw Error(codes::bad_param, "`ins.param` is no JSON object; give one with `app`");
    Deployment deployment;
    deployment.app = text_of(param, "app");
    if (!is_name(deployment.app) || deployment.app == own_app)
        refuse("app", "is " + shown(deployment.app) + "; give the name of an app other than `elves`");
    if (is_deploy) read_package(deployment, param);
    return deployment;
}

std::optional<std::string> deployed_app(Instruction const& ins)
{
    if (ins.app != own_app) return std::nullopt;
    return Deployment::read(ins).app;
}

} // namespace elves
