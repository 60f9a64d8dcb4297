#include "agent/app_manifest.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/json_check.hpp"
#include "agent/spawn.hpp"
#include "core/trusted_path.hpp"
#include "elves/error.hpp"
#include "elves/instruction.hpp"
#include "elves/json_document.hpp"
#include "elves/json_fields.hpp"

namespace elves::agent {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_path = 256;
constexpr std::size_t most_named = 20;

[[noreturn]] void invalid(std::string const& name, std::string const& what)
{
    throw Error(codes::bad_app, name + " is invalid: " + what);
}

/// One field of the manifest, by the path to it: `functions.reload.file`.
struct Field {
    std::string const& manifest;
    std::string path;
    JsonValue const& value;

    [[noreturn]] void refuse(std::string_view expected) const
    {
        invalid(manifest, path + " is " + shown(value) + "; expected " + std::string(expected));
    }
    [[nodiscard]] JsonValue const& object(std::string_view expected) const
    {
        if (!value.is_object()) refuse(expected);
        return value;
    }
    [[nodiscard]] std::string text(std::string_view expected) const
    {
        auto const text = value.string_or_empty();
        if (text.empty() || text.size() > longest_path) refuse(expected);
        return std::string(text);
    }
};

AppFunction::Params params_of(Field const& field)
{
    auto const text = field.value.string_or_empty();
    if (text == "none") return AppFunction::Params::none;
    if (text == "text") return AppFunction::Params::text;
    if (text == "json") return AppFunction::Params::json;
    field.refuse("\"none\", \"text\" or \"json\"");
}

std::size_t bytes_of(Field const& field)
{
    auto const number = field.value.is_string() ? std::nullopt : whole_number(field.value);
    auto const most = static_cast<std::int64_t>(AppFunction().max_bytes);
    if (!number || *number < 0 || *number > most)
        field.refuse("a whole number from 0 to " + std::to_string(most));
    return static_cast<std::size_t>(*number);
}

bool flag_of(Field const& field)
{
    if (!field.value.is_bool()) field.refuse("true or false");
    return field.value.boolean();
}

AppFunction function_of(Field const& field)
{
    AppFunction function;
    for (auto const& value : field.object("an object with the function's file")) {
        auto const name = value.name();
        Field const one{field.manifest, field.path + "." + std::string(name), value};
        if (name == "file") {
            function.file = one.text("a path inside the app's folder, of up to 256 bytes");
        } else if (name == "interpreter") {
            function.interpreter = one.text("the name of one of the agent's interpreters, such as \"sh\"");
        } else if (name == "params") {
            function.params = params_of(one);
        } else if (name == "max_bytes") {
            function.max_bytes = bytes_of(one);
        } else if (name == "needs_allow") {
            function.needs_allow = flag_of(one);
        } else if (name != "description") {
            // A misspelled limit would be none.
            invalid(field.manifest, one.path + " is not a field; expected file, interpreter, params, "
                                               "max_bytes, needs_allow or description");
        }
    }
    if (function.file.empty())
        invalid(field.manifest, field.path + ".file is missing; expected a path inside the app's folder");
    return function;
}

JsonDocument parsed(std::string_view text, std::string const& name)
{
    try {
        return JsonDocument::parse(text);
    } catch (Error const& error) {
        invalid(name, error.what());
    }
}

std::string read_all(fs::path const& file)
{
    auto const name = file.string();
    int const opened = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0) invalid(name, std::string("it can't be opened: ") + std::strerror(errno));
    OwnedFd const fd(opened, "open");
    struct stat about {};
    if (::fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode)) invalid(name, "it is not a regular file");
    std::string text(AppManifest::max_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        auto const got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) invalid(name, std::string("it can't be read: ") + std::strerror(errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

} // namespace

void AppFunction::check_param(std::string const& param) const
{
    if (params == Params::none && !param.empty())
        throw Error(codes::bad_param, "`ins.param` has " + std::to_string(param.size()) +
                                          " bytes, and this function takes none; leave it out");
    if (param.size() > max_bytes)
        throw Error(codes::bad_param, "`ins.param` has " + std::to_string(param.size()) +
                                          " bytes; this function takes at most " + std::to_string(max_bytes));
    if (params == Params::json && !is_json(param))
        throw Error(codes::bad_param, "`ins.param` is not JSON; this function takes one JSON value");
}

std::optional<AppManifest> AppManifest::read(fs::path const& folder)
{
    auto const named = folder / file_name;
    std::error_code failure;
    // A link that leads nowhere is there, and is no reason to run the app without its manifest.
    if (fs::symlink_status(named, failure).type() == fs::file_type::not_found) return std::nullopt;
    auto const real = fs::canonical(named, failure);
    if (failure) invalid(named.string(), "it can't be opened: " + failure.message());
    auto const inside = real.lexically_relative(folder);
    if (inside.empty() || *inside.begin() == "..")
        invalid(named.string(), "it is a link that leads out of the app's folder");
    if (auto const fault = untrusted(real, ::geteuid()))
        throw Error(codes::forbidden,
            "this agent does not start the app \"" + folder.filename().string() + "\": " + *fault);
    return parse(read_all(real), named.string());
}

AppManifest AppManifest::parse(std::string_view text, std::string const& name)
{
    if (text.size() > max_bytes) invalid(name, "it has more than " + std::to_string(max_bytes) + " bytes");
    auto const document = parsed(text, name);
    auto const& whole = Field{name, "it", document.root()}.object("an object with functions");
    auto const* const functions = whole.find("functions");
    if (functions == nullptr)
        invalid(name, "functions is missing; expected an object, a function's name each");
    AppManifest manifest;
    for (auto const& fields :
        Field{name, "functions", *functions}.object("an object, a function's name each")) {
        auto const function = fields.name();
        auto const path = "functions." + std::string(function);
        if (!is_name(function))
            invalid(name, "functions has " + shown(function) +
                              "; expected names of 1 to 64 of A-Z a-z 0-9 _ . -, not beginning with . or -");
        if (manifest.functions_.size() == max_functions)
            invalid(name, "functions has more than " + std::to_string(max_functions));
        if (!manifest.functions_.emplace(std::string(function), function_of({name, path, fields})).second)
            invalid(name, path + " is there twice");
    }
    return manifest;
}

AppFunction const& AppManifest::function(std::string const& name) const
{
    auto const found = functions_.find(name);
    if (found != functions_.end()) return found->second;
    std::string known;
    std::size_t count = 0;
    for (auto const& [each, _] : functions_) {
        if (count++ == most_named) break;
        known += (known.empty() ? "" : ", ") + each;
    }
    if (functions_.size() > most_named) known += ", ...";
    throw Error(codes::bad_func, "`ins.func` is " + shown(name) +
                                     ", and the app's app.json does not have that function; it has: " +
                                     (known.empty() ? "none" : known));
}

} // namespace elves::agent
