#include "ctl/certificates.hpp"
#include "ctl/command.hpp"

namespace elves::ctl {

namespace {

std::chrono::days life_of(Args const& args, std::int64_t otherwise)
{
    constexpr std::int64_t longest = 36'500;
    return std::chrono::days(args.number("--days", otherwise, 1, longest));
}

void tell(Context const& with, std::string const& name, std::string const& fingerprint)
{
    auto const path = with.args.text("DIR") + "/" + name;
    with.out.document(document_of(true, "",
        {{"cert", path + ".pem"}, {"key", path + "-key.pem"}, {"ca", with.args.text("DIR") + "/ca.pem"},
            {"fingerprint", fingerprint}}));
    with.out.line("certificate " + path + ".pem");
    with.out.line("key         " + path + "-key.pem");
    with.out.line("fingerprint " + fingerprint);
}

Exit init(Context const& with)
{
    auto const folder = with.args.text("DIR");
    make_ca(folder, std::chrono::days(3650));
    auto const life = life_of(with.args, 825);
    tell(with, "server",
        make_certificate(folder, "server", with.args.all("HOST"), CertificateFor::server, life));
    with.out.note("give agents and operators " + folder + "/ca.pem; keep " + folder +
                  "/ca-key.pem where nobody else gets at it, best on no server at all");
    return Exit::well;
}

Exit server(Context const& with)
{
    auto const hosts = with.args.all("HOST");
    auto const& name = hosts.front();
    tell(with, name,
        make_certificate(
            with.args.text("DIR"), name, hosts, CertificateFor::server, life_of(with.args, 825)));
    return Exit::well;
}

Exit agent(Context const& with)
{
    auto const ip = with.args.address("IP").text();
    tell(with, "agent-" + ip,
        make_certificate(
            with.args.text("DIR"), "agent-" + ip, {ip}, CertificateFor::agent, life_of(with.args, 825)));
    return Exit::well;
}

Arg days() { return may("--days", "How long it counts (825)."); }

} // namespace

std::span<Command const> tls_commands()
{
    static std::vector<Command> const all{
        {"init", "Make a CA and a server's certificate in a new folder.",
            {needs("DIR", "The folder.").of(Completes::folder),
                many("HOST", "The names and addresses under which the server is dialed."), days()},
            init},
        {"server", "Make another server's certificate with the CA of a folder.",
            {needs("DIR", "The folder of tls init.").of(Completes::folder),
                many("HOST", "The names and addresses under which the server is dialed."), days()},
            server},
        {"agent", "Make an agent's certificate, which stands for its key, with the CA of a folder.",
            {needs("DIR", "The folder of tls init.").of(Completes::folder),
                needs("IP", "The agent's address.").of(Completes::agent), days()},
            agent},
    };
    return all;
}

} // namespace elves::ctl
