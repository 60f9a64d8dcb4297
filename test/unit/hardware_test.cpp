#include "agent/hardware.hpp"

#include "catch.hpp"
#include "elves/json.hpp"

using namespace elves;

TEST_CASE("the machine describes itself in compact JSON", "[hardware]")
{
    auto const text = agent::hardware_json();
    INFO(text);
    boost::system::error_code failure;
    auto const value = json::parse(text, failure);
    REQUIRE_FALSE(failure);
    CHECK(text.find('\n') == std::string::npos);
    auto const& machine = value.as_object();
    CHECK(machine.at("cpu").at("cores").to_number<int>() > 0);
    CHECK(machine.at("memory").at("total").to_number<std::uint64_t>() > 1'000'000);
    if (auto const* const disks = machine.if_contains("disks")) {
        for (auto const& disk : disks->as_array())
            CHECK(disk.at("used").to_number<std::uint64_t>() <= disk.at("size").to_number<std::uint64_t>());
    }
    if (auto const* const networks = machine.if_contains("networks")) {
        for (auto const& network : networks->as_array()) {
            CHECK(network.at("name") != "lo");
            CHECK_FALSE(network.at("addresses").as_array().empty());
        }
    }
}

TEST_CASE("the system's name is in lower case", "[hardware]") { CHECK(agent::os_name() == "linux"); }
