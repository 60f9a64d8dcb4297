#include "ctl/run.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "client/local_socket.hpp"
#include "core/secret_file.hpp"
#include "core/utf8.hpp"
#include "ctl/command_line.hpp"
#include "elves/trimmed.hpp"
#include "rpc/tls_context.hpp"

namespace elves::ctl {

namespace {

constexpr std::int64_t longest_timeout = 86'400; // s

bool wants_json(std::vector<std::string> const& arguments)
{
    // Also where the rest can't be parsed: that error too is then a document.
    auto const end = std::find(arguments.begin(), arguments.end(), "--");
    return std::find(arguments.begin(), end, "--json") != end;
}

void check_text(std::vector<std::string> const& arguments)
{
    for (auto const& argument : arguments) {
        if (!is_utf8(argument)) throw Usage("an argument is not UTF-8: " + repaired(argument));
    }
}

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

Exit run_command(CommandLine const& line, Output const& out)
{
    auto const options = line.options();
    auto const args = line.args();
    std::chrono::seconds const limit(options.number("--timeout", 10, 1, longest_timeout));
    Session session(server_of(options), credentials_of(options), tls_of(options), limit, shows_of(options));
    return line.command().run({session, out, args, line.tree()});
}

Exit parse_and_run(std::vector<std::string> const& arguments, Output const& out)
{
    check_text(arguments);
    CommandLine line;
    line.parse(arguments);
    if (line.help().empty()) return run_command(line, out);
    out.document(document_of(true, "", {{"help", line.help()}}));
    out.raw(line.help());
    return Exit::well;
}

Exit failed(Output const& out, Exit exit, std::string_view error_info, json::object const& reply = {})
{
    out.document(document_of(false, error_info, reply));
    out.note(error_info);
    return exit;
}

Exit run_to_exit(std::vector<std::string> const& arguments, Output const& out)
{
    try {
        return parse_and_run(arguments, out);
    } catch (Usage const& error) {
        return failed(out, Exit::usage, error.what());
    } catch (Refused const& error) {
        return failed(out, Exit::refused, error.what(), error.reply());
    } catch (Error const& error) {
        return failed(out, Exit::refused, error.what());
    } catch (std::exception const& error) {
        return failed(out, Exit::refused, error.what());
    }
}

} // namespace

Exit run(std::vector<std::string> const& arguments)
{
    Output const out(wants_json(arguments));
    auto const exit = run_to_exit(arguments, out);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit;
    out.note("what there was to say could not be written");
    return exit == Exit::well ? Exit::refused : exit;
}

} // namespace elves::ctl
