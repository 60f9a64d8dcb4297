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

    CHECK(exposure(server, until - std::chrono::days(31)).empty());
    CHECK(exposure(server, until - std::chrono::days(3)) ==
          std::vector<std::string>{"[tls] cert expires in 3 days"});
    auto const gone = exposure(server, until);
    REQUIRE(gone.size() == 1);
    CHECK_THAT(gone.front(), Contains("has expired"));
}

TEST_CASE("[tls] plain keeps nobody out where there is no certificate, and is refused", "[exposure][tls]")
{
    for (std::string const from : {"nowhere", "loopback"}) {
        CHECK_THROWS_WITH(read("[tls]\nplain = " + from + "\n"), Contains("[tls] plain") && Contains("cert"));
    }
    CHECK(read("[tls]\nplain = everywhere\n").tls == nullptr);
    CHECK(read("").tls == nullptr);
}
