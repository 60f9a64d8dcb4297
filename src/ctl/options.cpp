#include "ctl/options.hpp"

#include <sstream>

#include "client/local_socket.hpp"
#include "core/secret_file.hpp"
#include "elves/trimmed.hpp"
#include "rpc/tls_context.hpp"

namespace elves::ctl {

namespace {

std::vector<std::string> lines_of_auth_file(std::string const& path)
{
    try {
        if (auto lines = read_secret_file(path, SecretSource::file_or_pipe)) return *std::move(lines);
    } catch (std::exception const& problem) {
        throw Usage("--auth-file: " + std::string(problem.what()));
    }
    throw Usage(
        "--auth-file: file " + path + ": it does not exist; give a file of two lines, the key and its token");
}

Credentials read_credentials(std::string const& path)
{
    auto lines = lines_of_auth_file(path);
    std::erase_if(lines, [](std::string const& line) { return line.empty(); });
    if (lines.size() != 2)
        throw Usage("--auth-file: file " + path + " has " + std::to_string(lines.size()) +
                    (lines.size() == 1 ? " line" : " lines") +
                    " with text; it needs two, the key and its token");
    return {std::move(lines[0]), std::move(lines[1])};
}

std::vector<std::string> pins_of(Args const& options)
{
    std::vector<std::string> pins;
    std::string pin;
    std::istringstream given(options.text("--tls-pin"));
    while (std::getline(given, pin, ',')) {
        if (auto const text = trimmed(pin); !text.empty()) pins.emplace_back(text);
    }
    return pins;
}

/// A word as a shell reads it back.
std::string shell_word(std::string const& word)
{
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@,+=";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string quoted = "'";
    for (auto const c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

} // namespace

std::optional<Credentials> credentials_of(Args const& options)
{
    if (options.has("--auth-file")) {
        if (options.has("--key") || options.has("--token")) {
            throw Usage("give either --auth-file, or --key and --token");
        }
        return read_credentials(options.text("--auth-file"));
    }
    if (options.has("--key") != options.has("--token")) throw Usage("--key and --token go together");
    if (!options.has("--key")) return std::nullopt;
    Credentials const given{
        std::string(trimmed(options.text("--key"))), std::string(trimmed(options.text("--token")))};
    if (given.key.empty() || given.token.empty())
        throw Usage("--key or --token is empty; give both, or neither");
    return given;
}

Destination server_of(Args const& options)
{
    auto const given = options.has("--server") ? std::optional(options.text("--server")) : std::nullopt;
    return destination_of(given, packaged_socket);
}

ShowsSecrets shows_of(Args const& options)
{
    std::optional<uid_t> user;
    if (options.has("--server-user")) {
        auto const name = options.text("--server-user");
        user = uid_of(name);
        if (!user)
            throw Usage(
                "--server-user is \"" + name + "\": this machine has no such user; give a name or a uid");
    }
    // From the environment it may come as `0`.
    auto const plain = options.has("--plain") ? options.text("--plain", "true") : "false";
    return {ServerUsers(user), plain != "false" && plain != "0"};
}

/// Null where nothing says whom to trust: plain text. TLS without trust there is none.
std::shared_ptr<TlsContext const> tls_of(Args const& options)
{
    // An empty variable of a script would have the token leave in plain text.
    for (auto const* const option : {"--tls-ca", "--tls-pin"}) {
        if (options.has(option) && options.text(option).empty())
            throw Usage(std::string(option) + " is empty; give a value, or leave it out for plain text");
    }
    TlsTrust const trust{options.text("--tls-ca"), pins_of(options)};
    if (trust.ca.empty() && trust.pins.empty()) return nullptr;
    try {
        return TlsContext::for_client(trust, {});
    } catch (TlsError const& problem) {
        throw Usage("--tls-" + problem.setting() + ": " + problem.what());
    }
}

std::string connection_of(Args const& options)
{
    std::string text;
    for (std::string const option : {"--server", "--server-user", "--auth-file", "--tls-ca", "--tls-pin"}) {
        if (options.has(option)) text += " " + option + " " + shell_word(options.text(option));
    }
    return options.has("--plain") ? text + " --plain" : text;
}

} // namespace elves::ctl
