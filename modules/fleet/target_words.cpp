// The names of the target language: fields, keys of labels and facts, groups.
#include <algorithm>
#include <array>
#include <utility>

#include "elves/instruction.hpp"
#include "elves/label_value.hpp"
#include "target.hpp"

namespace elves {

namespace {

using Kind = TargetField::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 12> built_in{{{"ip", Kind::ip},
    {"asset", Kind::asset}, {"os", Kind::os}, {"agent", Kind::agent}, {"status", Kind::status},
    {"seen", Kind::seen}, {"sn", Kind::sn}, {"idc", Kind::idc}, {"main_cat", Kind::main_cat},
    {"sub_cat", Kind::sub_cat}, {"app_info", Kind::app_info}, {"manager", Kind::manager}}};

constexpr std::array<std::string_view, 6> keywords{"and", "or", "not", "all", "in", "has"};

} // namespace

std::string TargetField::text() const
{
    if (kind == Kind::label) return key;
    if (kind == Kind::app) return "app." + key;
    if (kind == Kind::fact) return "fact." + key;
    auto const found = std::find_if(
        built_in.begin(), built_in.end(), [this](auto const& row) { return row.second == kind; });
    return std::string(found->first);
}

std::optional<TargetField> built_in_field(std::string_view name)
{
    for (auto const& [known, kind] : built_in) {
        if (name == known) return TargetField{kind};
    }
    if (name.starts_with("app.") && is_name(name.substr(4)))
        return TargetField{Kind::app, std::string(name.substr(4))};
    if (name.starts_with("fact.") && is_fact_key(name.substr(5)))
        return TargetField{Kind::fact, std::string(name.substr(5))};
    return std::nullopt;
}

bool is_label_key(std::string_view key)
{
    return is_fact_key(key) && !built_in_field(key) &&
           std::find(keywords.begin(), keywords.end(), key) == keywords.end();
}

} // namespace elves
