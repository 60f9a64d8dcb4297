#include "ctl/ansible.hpp"

#include "catch.hpp"

using namespace elves;
using namespace elves::ctl;

namespace {

json::array rows()
{
    return json::parse(R"([
        {"agentip": "10.0.0.5", "asset": "web-5", "os": "linux", "status": "online", "version": "0.1.0",
         "last_hb_time": "2026-11-24 21:33:36", "labels": {"env": "prod", "role": "front end"},
         "facts": {"rack": "r12"}, "apps": {"nginx": "1.2"}},
        {"agentip": "fd00::7", "os": "win", "status": "offline", "labels": {"env": "prod"}},
        {"agentip": "10.0.0.5"}, {"asset": "nameless"}, 5
    ])")
        .get_array();
}

} // namespace

TEST_CASE("an inventory for Ansible has each host once, with what is known of it", "[ansible]")
{
    auto const inventory = ansible_inventory(rows(), {});
    CHECK(inventory.at("all") == json::parse(R"({"hosts": ["10.0.0.5", "fd00::7"]})"));
    auto const& variables = inventory.at("_meta").at("hostvars").get_object();
    CHECK(variables.size() == 2);
    CHECK(variables.at("10.0.0.5") == json::parse(R"({"ansible_host": "10.0.0.5", "elves_asset": "web-5",
        "elves_status": "online", "elves_os": "linux", "elves_version": "0.1.0",
        "elves_last_hb_time": "2026-11-24 21:33:36", "elves_labels": {"env": "prod", "role": "front end"},
        "elves_facts": {"rack": "r12"}, "elves_apps": {"nginx": "1.2"}})"));
    CHECK(variables.at("fd00::7").at("elves_facts") == json::object());
}

TEST_CASE("hosts are in groups by label, system, state and group", "[ansible]")
{
    auto const inventory =
        ansible_inventory(rows(), {{"front.web", {"10.0.0.5", "10.9.9.9"}}, {"empty", {"10.9.9.9"}}});
    auto const hosts = [&](std::string_view group) { return inventory.at(group).at("hosts"); };
    CHECK(hosts("label_env_prod") == json::array{"10.0.0.5", "fd00::7"});
    CHECK(hosts("label_role_front_end") == json::array{"10.0.0.5"});
    CHECK(hosts("os_win") == json::array{"fd00::7"});
    CHECK(hosts("status_online") == json::array{"10.0.0.5"});
    CHECK(hosts("group_front_web") == json::array{"10.0.0.5"});
    CHECK_FALSE(inventory.contains("group_empty"));
}

TEST_CASE("a group's name is one that Ansible takes", "[ansible]")
{
    CHECK(ansible_group_name("label_env_a-b c") == "label_env_a_b_c");
    CHECK(ansible_group_name("label_x_{{ lookup('pipe', 'id') }}") == "label_x_lookup_pipe_id_");
    CHECK(ansible_group_name("label_x_\xc3\xa9") == "label_x_");
    CHECK(ansible_inventory({}, {}).size() == 2);
}
