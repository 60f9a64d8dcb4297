#include "agent/join.hpp"

#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "agent/own_key.hpp"
#include "client/dial.hpp"
#include "core/service_manager.hpp"
#include "core/settings_edit.hpp"
#include "elves/ip.hpp"
#include "elves/secret.hpp"
#include "elves/settings.hpp"
#include "elves/trimmed.hpp"
#include "rpc/tls_context.hpp"

namespace elves::agent {

namespace {

constexpr std::uint16_t usual_port = 7788;
constexpr std::chrono::milliseconds look_again{200};
constexpr std::string_view unit = "elves-agent.service";

/// What of the settings file concerns joining.
struct Files {
    std::string journal;
    std::string key_file;
    std::string token_file;
    FileOwner owner; ///< The agent's user: the owner of the journal's folder.
};

std::string server_of(std::string const& text)
{
    auto place = HostPort::parse(text);
    if (!place) {
        auto const ip = Ip::parse(text);
        bool const is_v6 = ip && !ip->is_v4();
        place = HostPort::parse((is_v6 ? "[" + text + "]" : text) + ":" + std::to_string(usual_port));
    }
    if (!place || place->port == 0 || place->host.empty())
        throw std::runtime_error(
            "\"" + text + "\" is not a server's address: expected HOST:PORT such as 10.0.0.2:7788");
    return place->text();
}

/// The token with the fingerprint behind it, as the agent reads it.
std::string token_of(JoinCommand const& command)
{
    constexpr std::string_view prefix = "elvjoin_";
    auto token = JoinTokenText::parse(trimmed(command.token));
    if (!token.secret.starts_with(prefix))
        throw std::runtime_error(
            "--token is not a join token: expected elvjoin_…, as elvesctl join-token add shows it");
    if (!command.pin.empty()) {
        auto const pin = plain_fingerprint(command.pin);
        if (pin.empty())
            throw std::runtime_error("--pin is \"" + command.pin +
                                     "\": expected the SHA-256 of the server's "
                                     "certificate, 64 hex digits");
        if (!token.pin.empty() && plain_fingerprint(token.pin) != pin)
            throw std::runtime_error(
                "--pin differs from the fingerprint in --token: copy the whole line again");
        token.pin = pin;
    }
    if (!token.pin.empty() && plain_fingerprint(token.pin).empty())
        throw std::runtime_error("--token has a malformed fingerprint behind its dot: expected 64 hex "
                                 "digits; copy the whole line again");
    return token.text();
}

Files files_of(std::string const& config)
{
    auto const settings = Settings::read_file(config);
    auto const agent = settings.section("agent");
    if (agent.has("key"))
        agent.refuse(
            "key", "this agent was given a key already; take key and token out to join with a token");
    Files files;
    files.journal = std::filesystem::absolute(agent.text("journal", "agent.db")).string();
    auto const folder = std::filesystem::path(files.journal).parent_path();
    if (!std::filesystem::is_directory(folder))
        agent.refuse(
            "journal", "there is no folder " + folder.string() + "; make it, owned by the agent's user");
    files.key_file = agent.text("key_file", (folder / "agent.key").string());
    files.token_file = agent.text("join_token_file", (folder / "join.token").string());
    files.owner = owner_of(folder.string());
    files.owner.mode = 0600;
    return files;
}

/// The key that the server has made for this machine; "" where there is none yet.
std::string joined_key(Files const& files)
{
    // Read as text: the file is the agent's user's own, whom the reader of secrets would not trust as root.
    if (!std::filesystem::exists(files.key_file)) return {};
    auto const text = read_text_file(files.key_file);
    auto const first = text.find('\n');
    if (first == std::string::npos) return {};
    return std::string(trimmed(text.substr(first + 1, text.find('\n', first + 1) - first - 1)));
}

void write_settings(JoinCommand const& command, Files const& files, std::string const& server)
{
    auto text = read_text_file(command.config);
    text = with_setting(text, "agent", "server", server);
    text = with_setting(text, "agent", "join_token_file", files.token_file);
    if (!command.ip.empty()) text = with_setting(text, "agent", "ip", command.ip);
    replace_text_file(command.config, text, owner_of(command.config));
}

/// The token is of no use to an agent that has a key, and of much to others.
void forget_token(JoinCommand const& command, Files const& files)
{
    std::filesystem::remove(files.token_file);
    auto const text = without_setting(read_text_file(command.config), "agent", "join_token_file");
    replace_text_file(command.config, text, owner_of(command.config));
}

} // namespace

void join(JoinCommand const& command)
{
    auto const server = server_of(command.server);
    auto const token = token_of(command);
    if (!command.ip.empty() && !Ip::parse(command.ip))
        throw std::runtime_error(
            "--ip is \"" + command.ip + "\": expected this machine's IPv4 or IPv6 address");
    auto const files = files_of(command.config);
    if (auto const key = joined_key(files); !key.empty())
        throw std::runtime_error("this machine has joined a server before, with key " + key + ": move " +
                                 files.key_file + " away to join anew");
    replace_text_file(files.token_file, token + "\n", files.owner);
    write_settings(command, files, server);
    std::cout << command.config << ": [agent] server = " << server << "\n";
    if (!command.should_start) return;
    if (!has_systemd()) {
        std::cout << "systemd does not run here: start elves-agent --config " << command.config
                  << " as the user who owns " << std::filesystem::path(files.journal).parent_path().string()
                  << "\n";
        return;
    }
    systemctl({"enable", std::string(unit)});
    systemctl({"restart", std::string(unit)});
    auto const until = std::chrono::steady_clock::now() + command.wait;
    auto key = joined_key(files);
    while (key.empty() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(look_again);
        key = joined_key(files);
    }
    if (key.empty())
        throw std::runtime_error(
            "the agent runs, and the server has not let it in yet: journalctl -u elves-agent "
            "says why; on the server: elvesctl agents --pending");
    forget_token(command, files);
    std::cout << "joined " << server << " with key " << key << "\n";
}

} // namespace elves::agent
