#include "doctor/check.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace elves::doctor {

namespace {

constexpr std::string_view advice_mark = "-- advice: ";

std::runtime_error broken(std::string_view module, std::string const& why)
{
    return std::runtime_error("module " + std::string(module) + ": checks.sql: " + why);
}

/// The head of a check: `-- check NAME: promise`. Nothing for any other line.
std::optional<Check> head_of(std::string_view module, std::string_view line)
{
    constexpr std::pair<std::string_view, Check::Kind> kinds[]{{"-- check ", Check::Kind::check},
        {"-- live ", Check::Kind::live}, {"-- file ", Check::Kind::file},
        {"-- report ", Check::Kind::report}};
    for (auto const& [mark, kind] : kinds) {
        if (!line.starts_with(mark)) continue;
        auto const rest = line.substr(mark.size());
        auto const colon = rest.find(": ");
        if (colon == std::string_view::npos) throw broken(module, "no `NAME: text` in " + std::string(line));
        return Check{kind, std::string(module), std::string(rest.substr(0, colon)),
            std::string(rest.substr(colon + 2)), "", ""};
    }
    return std::nullopt;
}

void require_whole(Check const& check)
{
    bool const is_told_what_to_do = check.kind == Check::Kind::report || !check.advice.empty();
    if (!is_told_what_to_do) throw broken(check.module, check.name + " has no `-- advice: `");
    if (check.sql.find("SELECT") == std::string::npos)
        throw broken(check.module, check.name + " asks nothing");
}

} // namespace

std::vector<Check> parse_checks(std::string_view module, std::string_view text)
{
    std::vector<Check> checks;
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (auto head = head_of(module, line)) {
            checks.push_back(std::move(*head));
        } else if (checks.empty()) {
            if (!line.empty() && !line.starts_with("--")) throw broken(module, "SQL stands before a check");
        } else if (line.starts_with(advice_mark)) {
            checks.back().advice = line.substr(advice_mark.size());
        } else {
            checks.back().sql.append(line).append("\n");
        }
    }
    for (auto const& check : checks) require_whole(check);
    return checks;
}

} // namespace elves::doctor
