#include "ctl/options.hpp"

#include <fstream>
#include <sstream>

#include <sys/stat.h>

#include "client/local_socket.hpp"
#include "core/utf8.hpp"
#include "rpc/tls_context.hpp"

namespace elves::ctl {

namespace {

Credentials read_credentials(std::string const& path)
{
    struct stat about {};
    bool const is_shared = ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
                           (about.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (is_shared)
        throw Usage("--auth-file " + path + ": others than its owner may use it; chmod 600 " + path);
    std::ifstream file(path);
    Credentials read;
    std::string more;
    for (auto* const line : {&read.key, &read.token}) {
        std::getline(file, *line);
        if (line->ends_with('\r')) line->pop_back();
    }
    if (!file)
        throw Usage("--auth-file " + path + " can't be read; it needs two lines, the key and its token");
    while (std::getline(file, more)) {
        if (!more.empty())
            throw Usage("--auth-file " + path + " has more than the two lines, the key and its token");
    }
    if (read.key.empty() || read.token.empty()) {
        throw Usage("--auth-file " + path + " has an empty line; it needs the key, then its token");
    }
    if (!is_utf8(read.key) || !is_utf8(read.token)) throw Usage("--auth-file " + path + " is not UTF-8");
    return read;
}

std::vector<std::string> pins_of(Args const& options)
{
    std::vector<std::string> pins;
    std::string pin;
    std::istringstream given(options.text("--tls-pin"));
    while (std::getline(given, pin, ',')) pins.push_back(pin);
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
    return Credentials{options.text("--key"), options.text("--token")};
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
