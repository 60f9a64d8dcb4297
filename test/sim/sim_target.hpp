#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/process.hpp"
#include "sim/random.hpp"

namespace elves::sim {

enum class Match { no, yes, undecided };

/// A target expression and what it means, said in the simulation's own words. It depends on a host's address
/// and its label `env`, and on nothing else.
struct SimTarget {
    using Test = std::function<Match(std::string const& ip, std::optional<std::string> const& env)>;

    std::string text;
    bool rests_on_label = false;
    Test match;

    static SimTarget some(Random& random, std::vector<Machine*> const& agents)
    {
        auto const one = random.pick(agents)->ip.text();
        auto const other = random.pick(agents)->ip.text();
        std::vector<SimTarget> const targets{{"all", false, [](auto&, auto&) { return Match::yes; }},
            {"10.0.1.0/24", false, [](auto&, auto&) { return Match::yes; }},
            {one, false, [one](auto& ip, auto&) { return match_of(ip == one); }},
            {one + " or " + other, false,
                [one, other](auto& ip, auto&) { return match_of(ip == one || ip == other); }},
            {"not " + one, false, [one](auto& ip, auto&) { return match_of(ip != one); }},
            {"env=a", true, [](auto&, auto& env) { return env ? match_of(*env == "a") : Match::undecided; }},
            {"env!=a", true, [](auto&, auto& env) { return env ? match_of(*env != "a") : Match::undecided; }},
            {"not has env", true, [](auto&, auto& env) { return match_of(!env); }}};
        return random.pick(targets);
    }

private:
    static Match match_of(bool is_one) { return is_one ? Match::yes : Match::no; }
};

} // namespace elves::sim
