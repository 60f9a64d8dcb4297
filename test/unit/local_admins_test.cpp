#include "server/local_admins.hpp"

#include <grp.h>
#include <unistd.h>

#include "catch.hpp"
#include "elves/caller.hpp"
#include "elves/settings.hpp"

using namespace elves;
using Catch::Contains;

TEST_CASE("root and the server's user are admins, and members of the group where there is one", "[server]")
{
    LocalAdmins const alone("");
    CHECK(alone.includes({0, 5, {}}));
    CHECK(alone.includes({::geteuid(), 5, {}}));
    CHECK_FALSE(alone.includes({4242, 0, {0}}));

    auto const* const group = ::getgrgid(1);
    REQUIRE(group != nullptr);
    LocalAdmins const grouped(group->gr_name);
    CHECK(grouped.group() == 1);
    CHECK(grouped.includes({4242, 1, {}}));
    CHECK(grouped.includes({4242, 7, {3, 1}}));
    CHECK_FALSE(grouped.includes({4242, 7, {3, 0}}));
    CHECK_FALSE(grouped.includes({65534, 1, {1}})); // may be anybody, in a user namespace
    CHECK_THROWS_WITH(
        LocalAdmins("no such group"), Contains("[server] socket_group") && Contains("no such group"));
}

TEST_CASE("an admin of the machine has an admin key of its uid's name, anybody else has none", "[server]")
{
    LocalAdmins const admins("");
    auto const root = admins.remote(PeerCredentials{0, 0, {}});
    CHECK(root.address == "unix:uid=0");
    REQUIRE(root.identity);
    CHECK(root.identity->key == "unix:uid=0");
    CHECK(root.identity->role == Role::admin);
    CHECK((root.identity->has_all_apps() && root.identity->has_all_ips()));
    CHECK(root.is_local);
    auto const other = admins.remote(PeerCredentials{4242, 4242, {}});
    CHECK(other.address == "unix:uid=4242");
    CHECK_FALSE(other.identity);
    CHECK_FALSE(admins.remote(std::nullopt).identity);
}
