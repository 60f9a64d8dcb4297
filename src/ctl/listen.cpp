// listen: on which addresses the server of this machine listens; with TLS and a first key where it is reached
// from elsewhere.
#include <filesystem>
#include <iostream>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/dial.hpp"
#include "core/service_manager.hpp"
#include "core/settings_edit.hpp"
#include "ctl/certificates.hpp"
#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "elves/settings.hpp"

namespace elves::ctl {

namespace {

constexpr std::string_view default_config = "/etc/elves/elves.conf";
constexpr std::uint16_t usual_port = 7788;
constexpr std::chrono::days ca_life{3650};
constexpr std::chrono::days server_life{825};

struct Place {
    Ip ip;
    std::uint16_t port = 0;

    [[nodiscard]] std::string text() const { return HostPort{ip.text(), port}.text(); }
    [[nodiscard]] bool is_every_address() const { return ip.text() == "0.0.0.0" || ip.text() == "::"; }
    [[nodiscard]] bool is_every_v6() const { return ip.text() == "::"; }
};

/// What [server] and [tls] of the settings file say.
struct Present {
    std::vector<HostPort> listen;
    bool has_tls = false;
};

Present present_of(std::string const& config)
{
    auto const settings = Settings::read_file(config);
    Present present;
    for (auto const& text : settings.section("server").list("listen", {"127.0.0.1:7788"})) {
        if (auto const place = HostPort::parse(text)) present.listen.push_back(*place);
    }
    present.has_tls = settings.section("tls").has("cert");
    return present;
}

Place place_of(std::string const& text, std::uint16_t port)
{
    bool const is_in_brackets = text.size() > 2 && text.front() == '[' && text.back() == ']';
    if (auto const ip = Ip::parse(is_in_brackets ? text.substr(1, text.size() - 2) : text))
        return {*ip, port};
    auto const place = HostPort::parse(text);
    auto const ip = place ? Ip::parse(place->host) : std::nullopt;
    if (!ip || place->port == 0)
        throw Usage("ADDRESS is \"" + text +
                    "\": expected an address of this machine, such as 10.0.0.2, "
                    "10.0.0.2:7788 or [::]:7788");
    return {*ip, place->port};
}

/// The server would only say so at its next start.
bool is_of_this_machine(Ip const& ip)
{
    int const family = ip.is_v4() ? AF_INET : AF_INET6;
    int const fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return true;
    asio::ip::tcp::endpoint const place(asio::ip::make_address(ip.text()), 0);
    bool const is_bound = ::bind(fd, place.data(), static_cast<socklen_t>(place.size())) == 0;
    ::close(fd);
    return is_bound;
}

/// A wildcard covers addresses of its kind on the same port; [::] covers IPv4, too.
bool is_covered(HostPort const& old, std::vector<Place> const& wanted)
{
    auto const ip = Ip::parse(old.host);
    for (auto const& place : wanted) {
        if (place.port != old.port) continue;
        if (!ip || *ip == place.ip || place.is_every_v6()) return true;
        if (place.is_every_address() && ip->is_v4()) return true;
    }
    return false;
}

/// The new list: loopback as before, then what was typed.
std::string listen_text(Present const& present, std::vector<Place> const& wanted)
{
    std::string text;
    auto const add = [&text](std::string const& one) { text += (text.empty() ? "" : ", ") + one; };
    for (auto const& old : present.listen) {
        auto const ip = Ip::parse(old.host);
        bool const is_loopback = ip ? ip->is_loopback() : old.host == "localhost";
        if (is_loopback && !is_covered(old, wanted)) add(old.text());
    }
    for (auto const& place : wanted) add(place.text());
    return text;
}

bool has_admin_key(Context const& with)
{
    auto const reply = with.session.list("supervisor", "listkeys", {});
    for (auto const& key : rows_of(reply)) {
        auto const& fields = key.as_object();
        if (plain_field(fields, "role") == "admin" && plain_field(fields, "enabled") == "true") return true;
    }
    return false;
}

/// Throws where they are not to be made.
void require_consent(Context const& with, std::string const& lacks)
{
    if (with.args.has("--make")) return;
    auto const why = "a server that others reach needs " + lacks;
    if (::isatty(STDIN_FILENO) != 1)
        throw std::runtime_error(why + ": nothing was changed; give --make to have it made");
    std::cerr << "elvesctl: " << why << ". Make it now? [y/N] " << std::flush;
    std::string typed;
    std::getline(std::cin, typed);
    if (typed != "y" && typed != "Y" && typed != "yes") throw std::runtime_error("nothing was changed");
}

std::string host_name()
{
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

/// Names the files that were made, or those that were there, in the settings.
std::string with_certificate(
    Context const& with, std::string text, std::string const& config, std::vector<Place> const& wanted)
{
    auto const folder = (std::filesystem::absolute(config).parent_path() / "tls").string();
    auto const cert = folder + "/server.pem";
    auto const key = folder + "/server-key.pem";
    if (!std::filesystem::exists(cert)) {
        std::vector<std::string> hosts{"localhost", "127.0.0.1", "::1"};
        if (auto name = host_name(); !name.empty() && name != "localhost") hosts.push_back(std::move(name));
        for (auto const& place : wanted) {
            if (!place.is_every_address() && !place.ip.is_loopback()) hosts.push_back(place.ip.text());
        }
        if (!std::filesystem::exists(folder + "/ca.pem")) make_ca(folder, ca_life);
        static_cast<void>(make_certificate(folder, "server", hosts, CertificateFor::server, server_life));
        // Who owns the data file is who runs the server.
        auto owner = owner_of(plain_field(with.session.call("elves", "stats"), "stats.store_path"));
        owner.mode = 0600;
        replace_text_file(key, read_text_file(key), owner);
        with.out.note("made a CA and a certificate in " + folder);
    }
    text = with_setting(text, "tls", "cert", cert);
    return with_setting(text, "tls", "key", key);
}

std::vector<Place> wanted_places(Context const& with, Present const& present)
{
    auto const port =
        present.listen.empty() || present.listen.front().port == 0 ? usual_port : present.listen.front().port;
    std::vector<Place> wanted;
    for (auto const& text : with.args.all("ADDRESS")) {
        auto const place = place_of(text, port);
        if (!is_of_this_machine(place.ip))
            throw Usage("ADDRESS is " + place.ip.text() +
                        ", which is no address of this machine: ip address lists them");
        wanted.push_back(place);
    }
    return wanted;
}

void restart(Context const& with)
{
    if (with.args.has("--no-restart") || !has_systemd()) {
        with.out.note("restart elvesd for it to count");
        return;
    }
    systemctl({"restart", "elvesd.service"});
}

Exit listen(Context const& with)
{
    auto const config = with.args.text("--config", default_config);
    auto const present = present_of(config);
    auto const wanted = wanted_places(with, present);
    bool const is_beyond =
        std::any_of(wanted.begin(), wanted.end(), [](auto const& place) { return !place.ip.is_loopback(); });
    bool const lacks_tls = is_beyond && !present.has_tls;
    bool const lacks_key = is_beyond && !has_admin_key(with);
    if (lacks_tls || lacks_key)
        require_consent(with, !lacks_key  ? "a certificate"
                              : lacks_tls ? "a certificate and a first admin key"
                                          : "a first admin key");
    auto text = with_setting(read_text_file(config), "server", "listen", listen_text(present, wanted));
    if (lacks_tls) text = with_certificate(with, std::move(text), config, wanted);
    json::object made;
    if (lacks_key) made = with.session.call("supervisor", "setkey", {{"name", "admin"}, {"role", "admin"}});
    replace_text_file(config, text, owner_of(config));
    json::object shown =
        document_of(true, "", {{"listen", listen_text(present, wanted)}, {"config", config}});
    for (auto const* const field : {"key", "token"}) {
        if (auto const* const value = made.if_contains(field)) shown[field] = *value;
    }
    with.out.fields(shown);
    if (lacks_key) with.out.note("keep the admin key's token: it is shown this once");
    restart(with);
    return Exit::well;
}

} // namespace

std::span<Command const> listen_commands()
{
    static std::vector<Command> const all{
        {"listen",
            "Set on which addresses the server of this machine listens, beside loopback. Beyond loopback it "
            "needs a "
            "certificate and an admin key; it makes both.",
            {many("ADDRESS",
                 "Addresses of this machine, with or without a port: 10.0.0.2, 0.0.0.0:7788, [::]:7788."),
                may("--config", "The server's settings file, which is changed (/etc/elves/elves.conf).")
                    .of(Completes::file),
                flag("--make", "Make a certificate and an admin key where they lack, without a question."),
                flag("--no-restart", "Do not restart the server.")},
            listen},
    };
    return all;
}

} // namespace elves::ctl
