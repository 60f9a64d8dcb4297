// A target expression is read, or refused with a column. What was read keeps its bounds, means in brackets
// what it meant without, and its opposite is what `not` says.
#include "fleet/target.hpp"

#include "elves/error.hpp"
#include "fleet/target_match.hpp"
#include "fuzz_target.hpp"

using namespace elves;

namespace {

Target::Labels const labels{"env", "role"};

std::optional<Target> read(std::string const& text, Target::Labels const* known)
{
    try {
        return Target::parse(text, known);
    } catch (Error const& error) {
        std::string_view const why = error.what();
        PROMISE(error.code() == codes::bad_target || error.code() == codes::bad_id);
        PROMISE(why.starts_with("`target` ") && why.size() < 1'000);
        return std::nullopt;
    }
}

/// Hosts with everything, with nothing, and in between.
class Hosts {
public:
    Hosts()
    {
        TargetHost full{Ip::parse("10.0.0.1").value()};
        full.agent = AgentView{full.ip, "web1", "linux", "1.2.3", &apps_, &facts_, true, now()};
        full.machine = InventoryView{full.ip, "sn", "fra", "a", "b", "c", "d"};
        full.labels = &labels_;
        TargetHost bare{Ip::parse("fd00::1").value()};
        TargetHost silent{Ip::parse("10.0.0.2").value()};
        silent.agent = AgentView{silent.ip, "", "", "", nullptr, nullptr, false, {}};
        all = {full, bare, silent};
    }
    static Instant now() { return Instant(std::chrono::seconds(1'000'000'000)); }
    std::vector<TargetHost> all;

private:
    json::object apps_{{"nginx", "1.10"}, {"bare", ""}};
    json::object facts_{{"rack", "r1"}};
    Labels labels_{{"env", "prod"}};
};

/// Every group that is named selects nobody, every run is empty.
TargetContext context_of(Target const& target)
{
    auto const nobody = std::make_shared<Target const>(Target::parse("not all", nullptr));
    TargetContext context;
    each_part(target.root, [&](TargetPart const& part) {
        PROMISE(part.from < part.to && part.to <= target.text.size());
        if (part.kind == TargetPart::Kind::group) context.groups.emplace(part.text, nobody);
    });
    return context;
}

std::vector<Match> judged(Target const& target, TargetContext const& context)
{
    static Hosts const hosts;
    TargetMatcher matcher(target, context, Hosts::now());
    std::vector<Match> matches;
    for (auto const& host : hosts.all) {
        matches.push_back(matcher.match(host));
        std::set<std::string> fields;
        matcher.add_undecided(host, fields);
        PROMISE(fields.empty() == (matches.back() != Match::undecided));
    }
    return matches;
}

void check(std::string const& text, Target::Labels const* known)
{
    auto const target = read(text, known);
    if (!target) return;
    PROMISE(text.size() <= Target::most_bytes && target->tests <= Target::most_tests);
    // What was judged when it was set is read again later.
    PROMISE(read(text, nullptr));
    auto const context = context_of(*target);
    auto const matches = judged(*target, context);
    if (auto const bracket = read("(" + text + ")", known)) PROMISE(judged(*bracket, context) == matches);
    auto const opposite = read("not (" + text + ")", known);
    if (!opposite) return;
    auto const reverse = judged(*opposite, context);
    for (std::size_t i = 0; i < matches.size(); ++i)
        PROMISE(static_cast<int>(matches[i]) + static_cast<int>(reverse[i]) == static_cast<int>(Match::yes));
}

} // namespace

FUZZ_TARGET(target)
{
    std::string const text(input);
    check(text, &labels);
    check(text, nullptr);
}
