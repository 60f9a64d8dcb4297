#include "server/exposure.hpp"

#include "catch.hpp"
#include "ctl/certificates.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

ServerSettings read(std::string const& text)
{
    return ServerSettings::read(Settings::parse(text, "elves.conf"));
}

} // namespace

TEST_CASE(
    "a certificate that runs down while the server is up is told from 30 days before", "[exposure][tls]")
{
    TempFolder const files;
    auto const folder = files.file("tls");
    ctl::make_ca(folder, std::chrono::days(90));
    static_cast<void>(ctl::make_certificate(
        folder, "server", {"127.0.0.1"}, ctl::CertificateFor::server, std::chrono::days(90)));
    auto const server =
        read("[tls]\ncert = " + folder + "/server.pem\nkey = " + folder + "/server-key.pem\n");
    auto const until = server.tls->until();

    AdminKeys const one{1, true};
    CHECK(exposure(server, until - std::chrono::days(31), one).empty());
    CHECK(exposure(server, until - std::chrono::days(3), one) ==
          std::vector<std::string>{"[tls] cert expires in 3 days"});
    auto const gone = exposure(server, until, one);
    REQUIRE(gone.size() == 1);
    CHECK_THAT(gone.front(), Contains("has expired"));
}

TEST_CASE("who is an admin without a key, or that nobody can be one, is told", "[exposure]")
{
    auto const told = [](std::string const& mode, std::optional<AdminKeys> admins) {
        auto const lines = exposure(read("[auth]\nmode = " + mode + "\n"), Instant(), admins);
        return lines.empty() ? std::string() : lines.front();
    };
    std::string const to_users = "no admin key exists: any local user can administer";
    std::string const to_nobody = "no admin key counts: nobody can administer";
    CHECK(told("protected", AdminKeys{0, false}).starts_with(to_users));
    CHECK(told("protected", AdminKeys{0, true}).starts_with(to_nobody));
    CHECK(told("protected", AdminKeys{2, true}).empty());
    CHECK_THAT(told("protected", std::nullopt), Contains("supervisor") && Contains("any local user"));
    CHECK(told("keys", AdminKeys{0, false}).starts_with(to_nobody));
    CHECK(told("keys", AdminKeys{1, true}).empty());
    CHECK(told("keys", std::nullopt).empty());
    CHECK(told("open", AdminKeys{0, false}).empty());
}

TEST_CASE("[tls] plain keeps nobody out where there is no certificate, and is refused", "[exposure][tls]")
{
    for (std::string const from : {"nowhere", "loopback"}) {
        CHECK_THROWS_WITH(read("[tls]\nplain = " + from + "\n"), Contains("[tls] plain") && Contains("cert"));
    }
    CHECK(read("[tls]\nplain = everywhere\n").tls == nullptr);
    CHECK(read("").tls == nullptr);
}
