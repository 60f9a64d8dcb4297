#include "run_spec.hpp"

#include "catch.hpp"
#include "elves/error.hpp"
#include "support/json_of.hpp"

using namespace elves;

namespace {

RunSpec spec_of(json::object fields)
{
    fields.emplace("target", "all");
    fields.emplace("ins", json::object{{"app", "demo"}, {"func", "work"}});
    return RunSpec::read(json_of(fields).root());
}

std::vector<std::size_t> sizes(std::string const& waves, std::size_t hosts)
{
    return spec_of({{"waves", waves}}).wave_sizes(hosts);
}

} // namespace

TEST_CASE("waves are cut from the list, a part rounded up, and the last size repeats", "[run]")
{
    using Sizes = std::vector<std::size_t>;
    CHECK(sizes("100%", 7) == Sizes{7});
    CHECK(sizes("1,10%,50%", 25) == Sizes{1, 3, 13, 8});
    CHECK(sizes("2", 5) == Sizes{2, 2, 1});
    CHECK(sizes("1%", 3) == Sizes{1, 1, 1});
    CHECK(sizes("10, 100%", 4) == Sizes{4});
}

TEST_CASE("max_fail may be a part of the list, rounded down", "[run]")
{
    CHECK(spec_of({{"max_fail", "5%"}}).limits(199).max_fail == 9);
    CHECK(spec_of({{"max_fail", 3}}).limits(199).max_fail == 3);
    CHECK(spec_of({}).limits(199).max_fail == 0);
}

TEST_CASE("what a run was asked for is written and read again as the same", "[run]")
{
    auto const spec = spec_of({{"waves", "1,10%"}, {"parallel", "7"}, {"max_fail", "2%"}, {"strict", "true"},
        {"pause", "ask"}, {"order", "spread:idc"}, {"ttl", 60}, {"silent", "fail"},
        {"at", "2026-12-24 20:00:00"}, {"late", 10}, {"deadline", 99}, {"dedup", "x"}, {"note", "why"}});
    auto const fields = spec.to_json();
    CHECK(RunSpec::read(json_of(fields).root()).to_json() == fields);
    CHECK(fields.at("order") == "spread:idc");
    CHECK(fields.at("deadline") == "99");
}
